"""``manage.py deepstream``: the server's command line (CONFIG.md, Command line)."""

from __future__ import annotations

import logging
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deepstream_project.config import ConfigError, load_config
from gateway.application import Application
from gateway.server import Server


class Command(BaseCommand):
    """Runs the server."""

    help = "The deepstream server."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the subcommands."""
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        start = commands.add_parser("start", help="serve until stopped by a signal")
        start.add_argument(
            "-c", "--config", type=Path, help="the configuration file (default: conf/config.yml)"
        )
        start.add_argument("--host", help="the address to listen on")
        start.add_argument("--port", type=int, help="the port to listen on")
        start.add_argument("--log-level", help="DEBUG, INFO, WARN, ERROR or OFF")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        self._start(options)

    def _start(self, options: dict[str, Any]) -> None:
        overrides = {
            "httpServer.options.host": options["host"],
            "httpServer.options.port": options["port"],
            "logLevel": options["log_level"],
        }
        try:
            config = load_config(options["config"], overrides=overrides)
        except ConfigError as error:
            raise CommandError(str(error)) from None
        logging.getLogger().setLevel(config.log_level.python_level)
        server = Server(Application(config))
        server.run()
        if not server.started:
            raise CommandError("The server did not start; the log above says why.")
