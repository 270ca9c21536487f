"""Every address below /admin/ is closed to whom it is not for, and no name does harm on any of them.

The addresses are found by walking the site, so that a page that is added is asked here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.authtoken.models import Token

from monitoring.site import site
from permissions.rule_sets import create_draft
from records.models import Record

AsUser = Callable[..., Client]

NASTY = {
    "script": "<script>alert(1)</script>",
    "tag": "</script></textarea><img src=x onerror=alert(1)>",
    "quotes": "\"'`&amp;{{ 7|add:1 }}{% now %}",
    "slashes": "/a//../b/",
    "unicode": "ünï–ⓒ/日本/😀\u202e",
    "long": "x/" + "y" * 1022,
}
EVERYBODY = {"login", "jsi18n"}
"""What is open to all: there is nothing on it but the form."""
ANY_STAFF = {
    "index",
    "login",
    "logout",
    "jsi18n",
    "search",
    "toggle_sidebar",
    "password_change",
    "password_change_done",
}
"""What is for all staff; the index and the search show what they may see."""
ASKED = ("name", "q", "prefix", "user", "node", "client", "number", "version", "after", "at", "from", "to")


def patterns(resolver: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """Route and name of every address."""
    for one in resolver.url_patterns:
        route = above + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from patterns(one, route)
        elif isinstance(one, URLPattern):
            yield route, one.name or ""


def addresses(object_id: str = "1") -> dict[str, str]:
    """An address of each kind below /admin/, by its name; those without are called by their route."""
    values = {
        "<path:object_id>": quote(object_id),
        "<int:number>": "1",
        "<path:content_type_id>": "1",
        "<id>": "1",
    }
    found = {}
    for route, name in patterns(get_resolver()):
        if not route.startswith("admin/"):
            continue
        for written, value in values.items():
            route = route.replace(written, value)
        route = route.replace("^(?P<app_label>auth|authtoken|records|permissions|admin)/$", "auth/")
        if "(?P" not in route:
            found[name or route] = f"/{route}"
    return found


def test_the_walk_finds_the_pages() -> None:
    found = addresses()
    assert len(found) > 50
    for page in ("index", "clients", "client", "disconnect", "events", "rpc", "presence", "listening"):
        assert page in found
    for page in ("records_record_one", "records_record_versions", "records_record_import", "rules_activate"):
        assert page in found


@pytest.mark.parametrize("name", sorted(addresses()))
def test_who_is_not_logged_in_gets_nowhere(db: None, name: str) -> None:
    if name in EVERYBODY:
        return
    for answer in (Client().get(addresses()[name]), Client().post(addresses()[name])):
        assert answer.status_code in (301, 302)
        assert answer["Location"].startswith("/admin/")
        assert not isinstance(answer.context, dict)


@pytest.mark.parametrize("name", sorted(addresses()))
def test_staff_without_permissions_sees_and_does_nothing(as_user: AsUser, name: str) -> None:
    client = as_user(None)
    Record.objects.create(name="1", version=1, data={"secret": 1})
    for answer in (client.get(addresses()[name]), client.post(addresses()[name])):
        if name not in ANY_STAFF:
            assert answer.status_code in (302, 403, 404, 405), answer.content
        assert b"secret" not in answer.content
    assert Record.objects.get().data == {"secret": 1}
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("name", sorted(addresses()))
def test_nothing_is_posted_without_the_csrf_token(db: None, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    assert client.post(addresses()[name], dict.fromkeys(ASKED, "1")).status_code == 403


@pytest.mark.parametrize("name", NASTY.values(), ids=NASTY)
def test_a_name_of_any_kind_does_no_harm_on_any_page(db: None, name: str) -> None:
    root = User.objects.create_superuser(name[:150], first_name=name[:150])
    group = Group.objects.create(name=name[:150])
    Token.objects.create(user=root)
    draft = create_draft("record: {}", root, name[:200])
    Record.objects.create(name=name, version=1, data={name: name})
    LogEntry.objects.create(
        user=root,
        content_type=ContentType.objects.get_for_model(Record),
        object_id=name,
        object_repr=name[:200],
        action_flag=CHANGE,
        change_message=name,
    )
    client = Client()
    client.force_login(root)
    asked = dict.fromkeys(ASKED, name)
    seen = 0
    ids = {"auth_user": root.pk, "auth_group": group.pk, "permissions_rulesetversion": draft.number}
    for page, address in (addresses() | _of_models(ids, name)).items():
        for answer in (client.get(address), client.get(address, asked)):
            if page == "logout":
                client.force_login(root)
            assert answer.status_code in (200, 301, 302, 400, 403, 404, 405), page
            if "text/html" not in answer.get("Content-Type", ""):
                continue
            html = b"".join(answer) if answer.streaming else answer.content
            assert b"<script>alert" not in html, page
            assert b"<img src=x" not in html, page
            seen += answer.status_code == 200
    assert seen > 30


def _of_models(ids: dict[str, Any], name: str) -> dict[str, str]:
    """The pages about what was just made."""
    found = {}
    for model in site()._registry:
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        key = ids.get(label, name)
        for kind in ("change", "delete", "history"):
            found[f"{label} {kind}"] = f"/admin/{label.replace('_', '/')}/{quote(str(key))}/{kind}/"
    return found
