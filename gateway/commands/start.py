"""``deepstream start``: serve until stopped by a signal."""

from __future__ import annotations

import logging
import socket
import sys
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cluster.layers import is_shared
from deepstream_project.config import Config, ConfigError
from gateway.commands.dependencies import wait_for_dependencies
from gateway.commands.info import own_version
from gateway.commands.subcommand import add_config, read_config

if TYPE_CHECKING:
    from gateway.application import Application
    from gateway.server import Server

log = logging.getLogger("deepstream")

LOGO = r"""
   ~  ~~  ~~~  ~~~~
     deepstream     {version}
       ~~~~  ~~~  ~~  ~
"""

HELP = "serve until stopped by a signal; what is done without a subcommand"
EPILOG = """\
Flags win over the configuration, the configuration over the defaults.

  deepstream start --port 7000 --log-level DEBUG
  deepstream start -c /etc/deepstream/conf/config.yml
  deepstream start --disable-auth --disable-permissions     to try things out
  REDIS_URL=redis://127.0.0.1 deepstream start --workers 4          a process for each core

While it runs: SIGHUP reads rules and users again, as a change of their files does; SIGTERM or Ctrl-C
settles and acknowledges what is under way, says goodbye to all clients and ends;
SIGUSR1 restarts --workers one after the other."""

NOT_STARTED = "The server did not start; the log above says why."


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
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that share the port (default: 1)"
    )
    parser.add_argument("--worker", help=SUPPRESS)  # NAME:FD, from the parent of several


def run(command: BaseCommand, options: Mapping[str, Any]) -> None:
    """Start the server; returns when it has stopped."""
    from gateway.application import Application

    config = read_config(options, _overrides(options))
    if options["workers"] != 1:
        _run_workers(command, options, config)
        return
    wait_for_dependencies(config.dependency_initialization_timeout)
    try:
        application = Application(config)
        server = _server(application, options["worker"])
    except ConfigError as error:
        raise CommandError(str(error)) from None
    if config.show_logo:
        command.stdout.write(LOGO.format(version=own_version()))
    log.info("Server %s with %s", config.server_name, config.path or "the default configuration")
    try:
        server.run()
    except SystemExit:  # how uvicorn ends when the application does not start, or it cannot listen
        if server.lifespan.should_exit:
            raise CommandError(NOT_STARTED) from None
        where = f"{config.http.host}:{config.http.port}"
        raise CommandError(
            f"Cannot listen on {where}, the log above says why: choose another port with --port."
        ) from None
    if not server.started:
        raise CommandError(NOT_STARTED)
    if application.has_failed:
        raise CommandError("The server ended because what it depends on was lost (exitOnFatalError).")


def _server(application: Application, worker: str | None) -> Server:
    from gateway.server import Server
    from gateway.worker import Worker

    if worker is None:
        return Server(application)
    return Worker(application, socket.socket(fileno=int(worker.rpartition(":")[2])))


def _run_workers(command: BaseCommand, options: Mapping[str, Any], config: Config) -> None:
    """Serve with several processes; returns when they have stopped."""
    from gateway.worker import reserve
    from gateway.workers import Workers, WorkersFailed

    count, http = options["workers"], config.http
    if problem := _objection(count):
        raise CommandError(f"--workers {count}: {problem}")
    with ExitStack() as stack:
        try:
            reserved = [stack.enter_context(one) for one in reserve(http.host, http.port)]
        except OSError as error:
            where = f"{http.host}:{http.port}"
            raise CommandError(
                f"Cannot listen on {where}: {error.strerror}. Choose another port with --port."
            ) from None
        port = reserved[0].getsockname()[1]
        if config.show_logo:
            command.stdout.write(LOGO.format(version=own_version()))
        log.info("Server %s with %d workers on %s:%d", config.server_name, count, http.host, port)
        names = [f"{config.server_name}-{number}" for number in range(1, count + 1)]
        try:
            Workers(_worker_command(options, port), names).run()
        except WorkersFailed as error:
            raise CommandError(str(error)) from None


def _objection(count: int) -> str | None:
    """Why there cannot be ``count`` workers."""
    if count < 1:
        return "at least one process must serve."
    if sys.platform != "linux":
        return (
            f"on {sys.platform} the kernel does not spread connections over processes, as Linux does with"
            " SO_REUSEPORT. Start each process with a --port of its own, behind a proxy."
        )
    if not is_shared(settings.CHANNEL_LAYERS):
        return (
            "several processes need a way between them. Set REDIS_URL, or clusterNode: {name: redis} in"
            " config.yml, or leave out --workers."
        )
    return None


def _worker_command(options: Mapping[str, Any], port: int) -> list[str]:
    """The command line of one worker: this one's, with the port that all of them share."""
    made = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "deepstream", "start"]
    for flag in ("config", "host", "log_level"):
        if options[flag] is not None:
            made += [f"--{flag.replace('_', '-')}", str(options[flag])]
    made += [
        f"--{flag.replace('_', '-')}" for flag in ("disable_auth", "disable_permissions") if options[flag]
    ]
    return [*made, "--port", str(port)]


def _overrides(options: Mapping[str, Any]) -> dict[str, Any]:
    worker = options["worker"]
    return {
        "serverName": worker.rpartition(":")[0] if worker else None,
        "showLogo": False if worker else None,
        "httpServer.options.host": options["host"],
        "httpServer.options.port": options["port"],
        "logLevel": options["log_level"],
        "auth": [{"type": "none"}] if options["disable_auth"] else None,
        "permission": {"type": "none"} if options["disable_permissions"] else None,
    }
