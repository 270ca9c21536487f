"""Operators for tests with a real server: users with different rights, each with a session of its browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.raw_client import RawClient
from tests.servers import ROOT, Server, ServerFailed, django_environment, migrated_database

PATH = "/admin/live"

_USERS = """
import json
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.models import Group

User = get_user_model()
users = [
    User.objects.create_superuser("ada"),
    User.objects.create_user("vic", is_staff=True),
    User.objects.create_user("oli", is_staff=True),
    User.objects.create_user("ned", is_staff=True),
    User.objects.create_user("uma"),
]
users[1].groups.add(Group.objects.get(name="viewer"))
users[2].groups.add(Group.objects.get(name="operator"))
keys = {}
for user in users:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    keys[user.get_username()] = session.session_key
print(json.dumps(keys))
"""


def database_with_operators(folder: Path) -> tuple[Path, Mapping[str, str]]:
    """A migrated SQLite file, and the session key of each user.

    ada is superuser, vic viewer, oli operator, ned staff without rights, uma no staff.
    """
    path = migrated_database(folder)
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", _USERS],
        cwd=ROOT,
        env=os.environ | django_environment(path, folder),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ServerFailed(f"making users failed\n{done.stdout}{done.stderr}")
    return path, json.loads(done.stdout.splitlines()[-1])


def operator_socket(
    server: Server, session_key: str | None, *, origin: str | None = None
) -> AbstractAsyncContextManager[RawClient]:
    """The socket that a page of the admin opens, in the browser with this session."""
    headers = {} if session_key is None else {"Cookie": f"sessionid={session_key}"}
    if origin is not None:
        headers["Origin"] = origin
    return RawClient.connect(server.url + PATH, additional_headers=headers)
