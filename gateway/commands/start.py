"""``deepstream start``: serve until stopped by a signal."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from deepstream_project.config import ConfigError
from gateway.commands.subcommand import add_config, read_config
from records.models import Record

HELP = "serve until stopped by a signal; what is done without a subcommand"
EPILOG = """\
Flags win over the configuration, the configuration over the defaults.

  deepstream start --port 7000 --log-level DEBUG
  deepstream start -c /etc/deepstream/conf/config.yml
  deepstream start --disable-auth --disable-permissions     to try things out

While it runs: SIGHUP reads rules and users again, as a change of their files does; SIGTERM or Ctrl-C
settles and acknowledges what is under way, says goodbye to all clients and ends."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the flags."""
    add_config(parser)
    parser.add_argument("--host", help="the address to listen on")
    parser.add_argument("--port", type=int, help="the port to listen on; 0 takes a free one")
    parser.add_argument("--disable-auth", action="store_true", help="let everyone in, as auth: none")
    parser.add_argument(
        "--disable-permissions", action="store_true", help="allow everything, as permission: none"
    )
    parser.add_argument("--log-level", metavar="LEVEL", help="DEBUG, INFO, WARN, ERROR, FATAL or OFF")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes; only 1 so far")


def run(command: BaseCommand, options: Mapping[str, Any]) -> None:
    """Start the server; returns when it has stopped."""
    from gateway.application import Application
    from gateway.server import Server

    if options["workers"] != 1:
        raise CommandError(
            f"--workers {options['workers']}: a server is one process, clusters are not there yet."
            " Leave out --workers."
        )
    config = read_config(options, _overrides(options))
    _check_database()
    try:
        server = Server(Application(config))
    except ConfigError as error:
        raise CommandError(str(error)) from None
    try:
        server.run()
    except SystemExit:  # how uvicorn ends when it cannot listen
        where = f"{config.http.host}:{config.http.port}"
        raise CommandError(
            f"Cannot listen on {where}, the log above says why: choose another port with --port."
        ) from None
    if not server.started:
        raise CommandError("The server did not start; the log above says why.")


def _overrides(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "httpServer.options.host": options["host"],
        "httpServer.options.port": options["port"],
        "logLevel": options["log_level"],
        "auth": [{"type": "none"}] if options["disable_auth"] else None,
        "permission": {"type": "none"} if options["disable_permissions"] else None,
    }


def _check_database() -> None:
    try:
        tables = connection.introspection.table_names()
    except DatabaseError as error:
        reason = str(error).strip().splitlines()[0]
        raise CommandError(f"The database cannot be reached: {reason}. Check DATABASE_URL.") from None
    finally:
        connection.close()
    if Record._meta.db_table not in tables:
        raise CommandError("The database has no tables yet: run `manage.py migrate` first.")
