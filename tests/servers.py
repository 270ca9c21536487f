"""Servers as subprocesses: started on a free port, stopped, killed and started again by a test.

Three kinds: ``fast`` is ``manage.py deepstream start``, ``daphne`` the same application on plain
ASGI, ``reference`` the npm server, for telling what official clients are used to.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Self

import yaml

ROOT = Path(__file__).resolve().parent.parent
NODE_FOLDER = ROOT / "tests" / "node"
ENDPOINTS = ("ws-binary", "ws-json", "ws-text")
START_DEADLINE = 30.0
STOP_DEADLINE = 15.0
LOG_CHARACTERS = 3000


class ServerFailed(Exception):
    """A server did not start or stop in time; the text ends with what it logged."""


def free_port() -> int:
    """Return a port nobody listens on, outside the range that outgoing connections draw from.

    A server must be able to come back to its port after a kill. With one from the ephemeral range,
    a client that tries to reconnect could be given that very port and connect to itself.
    """
    while True:
        port = random.randint(20_000, 31_999)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def configuration(*, endpoint: Mapping[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """Return an open configuration in deepstream's format, with ``endpoint`` as options of each endpoint."""
    return {
        "showLogo": False,
        "logLevel": "INFO",
        "connectionEndpoints": [{"type": kind, "options": dict(endpoint or {})} for kind in ENDPOINTS],
        "auth": [{"type": "none"}],
        "permission": {"type": "none"},
        **sections,
    }


def migrated_database(folder: Path) -> Path:
    """Put a migrated SQLite file into ``folder``, to be copied for each server of a test session."""
    return shutil.copyfile(_migrated_once(), folder / "template.sqlite3")


@cache
def _migrated_once() -> Path:
    """What each of these files is a copy of: to migrate takes as long as to start a server."""
    folder = Path(tempfile.mkdtemp(prefix="deepstream-migrated-"))
    atexit.register(shutil.rmtree, folder)
    path = folder / "template.sqlite3"
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    environment = os.environ | django_environment(path, folder)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerFailed(f"migrate failed\n{done.stdout}{done.stderr}")
    return path


def django_environment(database: Path, var: Path) -> dict[str, str]:
    """Return the settings that keep a server's files in its own folder."""
    return {
        "DATABASE_URL": f"sqlite:///{database}",
        "DEEPSTREAM_VAR": str(var),
        "SECRET_KEY": "only-for-servers-that-tests-start-on-loopback",
        "INSECURE_HTTP": "1",
        "PYTHONUNBUFFERED": "1",
    }


class Server:
    """One server process with its own folder, port, configuration and database.

    ``files`` are written beside ``config.yml`` (name to text) so that ``fileLoad(…)`` finds them.
    As a context manager it is started on entering and stopped on leaving.
    """

    def __init__(
        self,
        kind: str,
        folder: Path,
        *,
        template: Path | None = None,
        config: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self.folder = folder
        self.port = free_port()
        self.database = folder / "deepstream.sqlite3"
        self.log = folder / "server.log"
        self._arguments = list(arguments)
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._write_files(config if config is not None else configuration(), files or {})
        if kind != "reference":
            shutil.copyfile(template or migrated_database(folder), self.database)

    @property
    def url(self) -> str:
        """The WebSocket address without a path."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def http_url(self) -> str:
        """The HTTP address without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self._running().pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.stop()

    def is_running(self) -> bool:
        """Tell whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process and return once its health check answers."""
        if self.is_running():
            raise ServerFailed("the server is already running")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=ROOT,
                env=os.environ | django_environment(self.database, self.folder) | self._extra_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_healthy()
        except ServerFailed:
            self.kill()
            raise

    def stop(self) -> int:
        """End the server as an operator does, with SIGTERM, and return its exit status."""
        process = self._running()
        process.terminate()
        try:
            status = process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"not stopped {STOP_DEADLINE} s after SIGTERM\n{self.log_tail()}") from None
        self._process = None
        return status

    def kill(self) -> None:
        """End the server and all its children with SIGKILL: nothing is saved, nobody is told."""
        process = self._running()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop and start again, on the same port and database."""
        self.stop()
        self.start()

    def sql(self, statement: str, *parameters: Any) -> list[Any]:
        """Run one statement on the server's database behind its back and return the rows."""
        with sqlite3.connect(self.database, timeout=10) as connection:
            rows = connection.execute(statement, parameters).fetchall()
        connection.close()
        return rows

    def log_tail(self) -> str:
        """Return the end of what the server logged."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"--- log of the {self.kind} server\n{text[-LOG_CHARACTERS:]}"

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerFailed("the server is not running")
        return self._process

    def _write_files(self, config: Mapping[str, Any], files: Mapping[str, str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        whole = dict(config)
        if self.kind == "reference":
            whole["httpServer"] = {"type": "default", "options": {"host": "127.0.0.1", "port": self.port}}
            whole["logLevel"] = "WARN"
            whole["telemetry"] = {"type": "deepstreamIO", "options": {"enabled": False}}
        (self.folder / "config.yml").write_text(yaml.safe_dump(whole, allow_unicode=True))
        for name, text in files.items():
            (self.folder / name).write_text(text)

    def _command(self) -> list[str]:
        config, port = str(self.folder / "config.yml"), str(self.port)
        commands = {
            "fast": [sys.executable, "manage.py", "deepstream", "start", "-c", config]
            + ["--host", "127.0.0.1", "--port", port, "--log-level", "INFO"],
            "daphne": [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", port]
            + ["deepstream_project.asgi:application"],
            "runserver": [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"],
            "reference": [str(NODE_FOLDER / "node_modules" / ".bin" / "deepstream"), "start", "-c", config],
        }
        return commands[self.kind] + self._arguments

    def _extra_environment(self) -> dict[str, str]:
        return {"DEEPSTREAM_CONFIG_DIRECTORY": str(self.folder), **self._environment}

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline:
            if (status := self._running().poll()) is not None:
                raise ServerFailed(f"ended with {status} while starting\n{self.log_tail()}")
            if self.is_healthy():
                return
            time.sleep(0.05)
        raise ServerFailed(f"no health check within {START_DEADLINE} s\n{self.log_tail()}")

    def is_healthy(self) -> bool:
        """Tell whether the health check answers 200 now."""
        try:
            with urllib.request.urlopen(f"{self.http_url}/health-check", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
