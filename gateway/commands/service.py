"""``deepstream service``: a systemd unit."""

from __future__ import annotations

import os
import re
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from getpass import getuser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from gateway.commands.subcommand import add_config, read_config

HELP = "print a systemd unit, or install it"
EPILOG = """\
  deepstream service                                  shows it
  sudo deepstream service --install --user deepstream
  sudo systemctl daemon-reload && sudo systemctl enable --now deepstream
  sudo systemctl reload deepstream                    reads rules and users again"""

_UNIT = """\
# The deepstream server; made by `deepstream service`.
[Unit]
Description=deepstream realtime server
After=network-online.target
Wants=network-online.target

[Service]
Type=simple
User={user}
WorkingDirectory={folder}
{environment}
# Secrets such as DATABASE_URL and REDIS_URL, which this file must not hold.
EnvironmentFile=-/etc/deepstream/environment
ExecStart={start}
# Rules and users are read again.
ExecReload=/bin/kill -HUP $MAINPID
# What is under way is settled and clients are told.
KillMode=mixed
TimeoutStopSec=30
Restart=on-failure
RestartSec=1
# A file descriptor for each client.
LimitNOFILE=1048576
NoNewPrivileges=true
PrivateTmp=true
ProtectSystem=full

[Install]
WantedBy=multi-user.target
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the flags."""
    add_config(parser)
    parser.add_argument("--install", action="store_true", help="write it instead of printing it")
    parser.add_argument("--name", default="deepstream", help="the unit's name (default: deepstream)")
    parser.add_argument("--user", default=getuser(), help="who it runs as (default: who asks)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("/etc/systemd/system"),
        help="where it is installed (default: /etc/systemd/system)",
    )


def run(command: BaseCommand, options: Mapping[str, Any]) -> None:
    """Print the unit or write it."""
    if not re.fullmatch(r"[A-Za-z0-9_.@-]+", options["name"]):
        raise CommandError(f"--name {options['name']!r}: letters, digits, _ . @ and - make a unit's name.")
    config = read_config(options)
    arguments = ["-c", str(config.path)] if config.path else []
    unit = _unit(options["user"], arguments)
    if not options["install"]:
        command.stdout.write(unit, ending="")
        return
    path = options["folder"] / f"{options['name']}.service"
    try:
        path.write_text(unit, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}. Run it with sudo, or give another --folder.") from None
    command.stdout.write(
        f"Installed {path}. Now run: systemctl daemon-reload && systemctl enable --now {options['name']}"
    )


def _unit(user: str, arguments: list[str]) -> str:
    manage = Path(settings.BASE_DIR) / "manage.py"
    words = [sys.executable, str(manage), "deepstream", "start", *arguments]
    variables = {"DEEPSTREAM_VAR": str(settings.VAR)}
    variables |= {
        name: os.environ[name]
        for name in ("ALLOWED_HOSTS", "BEHIND_PROXY", "INSECURE_HTTP", "CSRF_TRUSTED_ORIGINS", "TIME_ZONE")
        if os.environ.get(name)
    }
    return _UNIT.format(
        user=user,
        folder=str(settings.BASE_DIR).replace("%", "%%"),
        environment="\n".join(f"Environment={quoted(f'{key}={value}')}" for key, value in variables.items()),
        start=" ".join(quoted(word, is_command=True) for word in words),
    )


def quoted(word: str, *, is_command: bool = False) -> str:
    """``word`` as one word for systemd (systemd.syntax, systemd.service)."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if is_command:
        escaped = escaped.replace("$", "$$")
    return escaped if re.fullmatch(r"[A-Za-z0-9_./:=@,+-]+", escaped) else f'"{escaped}"'
