"""``deepstream install``: fetch what a connector needs, and show the lines for config.yml."""

from __future__ import annotations

import importlib
import subprocess
import sys
from argparse import ArgumentParser
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.core.management.base import BaseCommand, CommandError

HELP = "fetch a connector's packages and show the lines for config.yml"
EPILOG = """\
The packages go into the Python environment that runs the server. Without TYPE and NAME: what there is.

  deepstream install
  deepstream install storage postgres
  deepstream install clusterNode redis"""

TIMEOUT = 600
"""Seconds that pip may take."""


@dataclass(frozen=True, slots=True)
class Connector:
    """Something that config.yml can name: the package it needs, if any, and how it is written there."""

    lines: str
    package: str | None = None
    requirement: str | None = None


CONNECTORS: dict[tuple[str, str], Connector] = {
    ("storage", "default"): Connector("storage:\n  name: default  # SQLite, or what DATABASE_URL says"),
    ("storage", "postgres"): Connector(
        "storage:\n"
        "  name: postgres\n"
        "  options:\n"
        "    host: localhost\n"
        "    port: 5432\n"
        "    user: deepstream\n"
        "    password: ${POSTGRES_PASSWORD}\n"
        "    database: deepstream",
        "psycopg",
        "psycopg[binary]>=3.2,<4",
    ),
    ("storage", "mysql"): Connector(
        "storage:\n"
        "  name: mysql\n"
        "  options:\n"
        "    host: localhost\n"
        "    port: 3306\n"
        "    user: deepstream\n"
        "    password: ${MYSQL_PASSWORD}\n"
        "    database: deepstream",
        "PyMySQL",
        "PyMySQL>=1.1,<2",
    ),
    ("clusterNode", "default"): Connector("clusterNode:\n  name: default  # one process for itself"),
    ("clusterNode", "redis"): Connector(
        "clusterNode:\n"
        "  name: redis\n"
        "  options:\n"
        "    host: localhost\n"
        "    port: 6379\n"
        "    password: ${REDIS_PASSWORD}",
        "channels-redis",
        "channels-redis>=4.2,<5",
    ),
    ("cache", "default"): Connector(
        "cache:\n  name: default  # each process's own memory; there is no other"
    ),
    ("monitoring", "http"): Connector(
        "monitoring:\n"
        "  type: http\n"
        "  options:\n"
        "    url: /monitoring\n"
        "    headerKey: X-Monitoring-Key\n"
        "    headerValue: ${MONITORING_KEY}"
    ),
    ("monitoring", "log"): Connector("monitoring:\n  type: log\n  options:\n    logInterval: 30000"),
    ("logger", "json"): Connector("logger:\n  type: json"),
}

_OLD_NAMES = {
    "message": "clusterNode",
    "msg": "clusterNode",
    "cluster": "clusterNode",
    "clusternode": "clusterNode",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("type", nargs="?", metavar="TYPE", help="storage, clusterNode, monitoring or logger")
    parser.add_argument("name", nargs="?", metavar="NAME", help="which one, as postgres or redis")


def run(command: BaseCommand, options: Mapping[str, Any]) -> None:
    """Install it, or say what there is."""
    kind, name = options["type"], options["name"]
    if kind is None:
        command.stdout.write(_all())
        return
    kind = _OLD_NAMES.get(kind.lower(), kind)
    connector = CONNECTORS.get((kind, (name or "").lower()))
    if connector is None:
        raise CommandError(f"There is no connector {kind} {name or '(without a name)'}.\n{_all()}")
    if connector.package is None:
        command.stdout.write(f"{kind} {name} is part of the server; nothing is to be installed.")
    elif found := _version(connector.package):
        command.stdout.write(f"{connector.package} {found} is installed already.")
    else:
        _install(command, connector)
    command.stdout.write(f"In config.yml:\n\n{connector.lines}")


def _all() -> str:
    names: dict[str, list[str]] = {}
    for kind, name in CONNECTORS:
        names.setdefault(kind, []).append(name)
    return "\n".join(["There are:", *(f"  {kind} {' | '.join(found)}" for kind, found in names.items())])


def _version(package: str) -> str | None:
    importlib.invalidate_caches()
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _install(command: BaseCommand, connector: Connector) -> None:
    """Run pip, whose progress is shown as it comes."""
    assert connector.requirement is not None
    command.stdout.write(f"Installing {connector.requirement} into {sys.prefix}")
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    last: deque[str] = deque(maxlen=20)
    with subprocess.Popen(  # noqa: S603 - of the table above
        [*pip, connector.requirement],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last.append(line)
            command.stdout.write(f"  {line}", ending="")
        try:
            status = process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise CommandError(f"pip did not end within {TIMEOUT} seconds.") from None
    if status != 0:
        raise CommandError(f"{connector.requirement} was not installed: {_reason(''.join(last))}")
    command.stdout.write(f"{connector.package} {_version(connector.package or '') or ''} is installed.")


_REASONS = (
    ("No module named pip", "this Python has no pip: run `{python} -m ensurepip` first."),
    ("externally-managed", "this Python belongs to the system: run the server in a virtual environment."),
    ("Permission denied", "you may not write to {prefix}: run it as its owner."),
    ("No space left", "the disk is full."),
    ("ewConnectionError", "the package index cannot be reached: check the network or PIP_INDEX_URL."),
    ("Temporary failure in name resolution", "the package index cannot be reached: check the network."),
    (
        "No matching distribution",
        "the package index does not have it, or cannot be reached: check PIP_INDEX_URL.",
    ),
)


def _reason(said: str) -> str:
    """What to do about the end of what pip said."""
    for sign, advice in _REASONS:
        if sign in said:
            return advice.format(python=sys.executable, prefix=sys.prefix)
    return "pip's message is above."
