"""Brings the database and the static files up to date and says where the server will be, for ``scripts/run``.

One process for all of it, and no work for what is up to date: starting Django is what takes the time.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deepstream_project.settings")

import django  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.staticfiles.finders import get_finders  # noqa: E402
from django.core.exceptions import ImproperlyConfigured  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, connection  # noqa: E402
from django.db.migrations.executor import MigrationExecutor  # noqa: E402

from deepstream_project.config import Config, ConfigError, load_config  # noqa: E402
from deepstream_project.config_file import NAMED  # noqa: E402


def migrate() -> None:
    """Apply the migrations that the database has not seen."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        print(f"Migrating {connection.settings_dict['NAME']} ({len(plan)} steps)")
        call_command("migrate", interactive=False, verbosity=0)


def collect_static_files() -> None:
    """Collect static files unless the apps have the same ones as last time, by name, size and time."""
    found = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list(None):
            found.update(f"{name} {storage.size(name)} {storage.get_modified_time(name)}\n".encode())
    fingerprint = Path(settings.VAR) / "static.fingerprint"
    if not fingerprint.exists() or fingerprint.read_text() != found.hexdigest():
        print("Collecting static files")
        call_command("collectstatic", interactive=False, verbosity=0)
        fingerprint.write_text(found.hexdigest())


def addresses(config: Config, host: str | None, port: int | None) -> list[str]:
    """Where to find what, one line each."""
    host, port = host or config.http.host, config.http.port if port is None else port
    shown = "localhost" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host
    secure = "s" if config.http.ssl else ""
    http = f"http{secure}://{shown}:{port}"
    lines = [f"health     {http}{config.http.health_check_path}", f"admin      {http}/admin/"]
    if config.endpoints.binary:
        lines.insert(0, f"WebSocket  ws{secure}://{shown}:{port}{config.endpoints.binary.url_path}")
    if not get_user_model().objects.filter(is_superuser=True).exists():
        lines.append("           (for an account: .venv/bin/python manage.py createsuperuser)")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-c", "--config", type=Path)
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    arguments, _ = parser.parse_known_args()  # the rest is for the server
    if arguments.config:
        os.environ[NAMED] = str(arguments.config)  # the settings read it too
    django.setup()
    config = load_config(arguments.config)
    migrate()
    collect_static_files()
    print("\n".join(addresses(config, arguments.host, arguments.port)), flush=True)


if __name__ == "__main__":
    try:
        main()
    except (ConfigError, ImproperlyConfigured, DatabaseError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
