"""What a cluster stands on, of a test's own: a Redis and a PostgreSQL that can be stopped, a database."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import psycopg
import redis

from tests.conftest import require
from tests.servers import free_port

DEADLINE = 20.0
SHARED_POSTGRES = "postgres://postgres@127.0.0.1:5432"
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").exists() else []


class Process:
    """A server program of a test's own, on a port that it keeps while it is stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def command(self) -> Sequence[str]:
        """What is to be run."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether it serves."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + DEADLINE
        while not self.answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """End it as its operator would; nothing happens if it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        self.ask_to_end(process)
        try:
            process.wait(DEADLINE)
        finally:
            process.kill()

    def ask_to_end(self, process: subprocess.Popen[bytes]) -> None:
        """Tell it to end."""
        process.terminate()


class Redis(Process):
    """A ``redis-server`` that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        require(shutil.which("redis-server"), "redis-server")
        super().__init__(folder)

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> Sequence[str]:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        return ["redis-server", *options, "--dir", str(self.folder)]

    def answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False


class Postgres(Process):
    """A PostgreSQL of a test's own, run by a user who may; ``url`` is its database."""

    def __init__(self) -> None:
        require(PROGRAMS, "PostgreSQL's programs (Debian: apt-get install postgresql)")
        super().__init__(Path(tempfile.mkdtemp(prefix="deepstream-postgres-")))
        self._data = self.folder / "data"
        self._as_other: list[str] = []
        if os.geteuid() == 0:  # which PostgreSQL refuses to run as
            with contextlib.suppress(KeyError):
                user = pwd.getpwnam("postgres")
                self._as_other = ["runuser", "-u", "postgres", "--"]
                os.chown(self.folder, user.pw_uid, user.pw_gid)
            require(self._as_other, "a user named postgres, as root may not run PostgreSQL")
        setup = [*self._as_other, str(PROGRAMS[-1] / "initdb"), "-D", str(self._data), "-U", "postgres"]
        subprocess.run(
            [*setup, "-A", "trust", "-E", "UTF8", "--no-sync"], check=True, capture_output=True, cwd="/"
        )

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        shutil.rmtree(self.folder)

    @property
    def url(self) -> str:
        """Its database."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def command(self) -> Sequence[str]:
        options = ["-p", str(self.port), "-h", "127.0.0.1", "-k", "", "-c", "max_connections=60"]
        return [*self._as_other, str(PROGRAMS[-1] / "postgres"), "-D", str(self._data), *options]

    def answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=2):
            return True
        return False

    def ask_to_end(self, process: subprocess.Popen[bytes]) -> None:
        """A fast shutdown: nobody's connection is waited for."""
        stop = [str(PROGRAMS[-1] / "pg_ctl"), "stop", "-D", str(self._data), "-m", "fast", "-w"]
        subprocess.run([*self._as_other, *stop], check=True, capture_output=True, cwd="/")


def sql(url: str, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement on a PostgreSQL and return the rows."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def database(*, like: str | None = None) -> Iterator[str]:
    """A database on the machine's PostgreSQL that is dropped afterwards.

    ``like`` is the address of another one, whose copy it is; nobody may be connected to that.
    """
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 5432), timeout=2):
        name = f"test_cluster_{uuid4().hex[:12]}"
        template = "template1" if like is None else like.rpartition("/")[2]
        sql(f"{SHARED_POSTGRES}/postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield f"{SHARED_POSTGRES}/{name}"
        finally:
            sql(f"{SHARED_POSTGRES}/postgres", f"DROP DATABASE {name} WITH (FORCE)")
        return
    require(False, "PostgreSQL at 127.0.0.1:5432")
