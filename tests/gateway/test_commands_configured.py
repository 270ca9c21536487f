"""A server that is started with a configuration alone: its database, Redis, logs, TLS, its start and end."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from uuid import uuid4

import psycopg
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from tests.conftest import require
from tests.raw_client import RawClient
from tests.servers import ROOT, Server, configuration, free_port

POSTGRES = {"host": "127.0.0.1", "port": 5432, "user": "postgres"}
PASSPHRASE = "open sesame"
NOTHING_ELSE = {"DATABASE_URL": "", "REDIS_URL": ""}
"""Leaves the choice to the file."""


def until(condition: Callable[[], object], what: str, deadline: float = 30.0) -> None:
    """Return as soon as ``condition`` holds, which a process outside brings about."""
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what}")
        time.sleep(0.02)


def postgres(statement: str, database: str = "postgres") -> list[Any]:
    with psycopg.connect(
        host="127.0.0.1", user="postgres", dbname=database, autocommit=True, connect_timeout=5
    ) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def database() -> Iterator[str]:
    """The name of a new database of PostgreSQL."""
    name = f"deepstream_{uuid4().hex}"
    try:
        postgres(f"CREATE DATABASE {name}")
    except psycopg.OperationalError:
        require(False, "PostgreSQL on 127.0.0.1:5432")
    yield name
    postgres(f"DROP DATABASE {name} WITH (FORCE)")


def manage(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"DEEPSTREAM_VAR": str(folder), "INSECURE_HTTP": "1", **NOTHING_ELSE, **environment}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def write_record(url: str, name: str) -> None:
    """Write a record and have that acknowledged, which it is when it is stored."""
    async with RawClient.connect(url) as client:
        await client.login({"username": "ann"})
        message = Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name=name, version=-1, data='{"a":1}')
        message.is_write_ack, message.correlation_id = True, "1"
        await client.send(message)
        answer = await client.receive()
        assert (answer.action, answer.is_error) == (RecordAction.WRITE_ACKNOWLEDGEMENT, None), answer


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize("kind", ["fast", "daphne"])
def test_records_are_where_the_file_says(tmp_path: Path, database: str, kind: str) -> None:
    """Under Daphne there is no ``-c``: the file is found by DEEPSTREAM_CONFIG_DIRECTORY."""
    config = configuration(
        storage={"name": "postgres", "options": {**POSTGRES, "database": database}},
        clusterNode={"name": "redis", "options": {"host": "127.0.0.1", "db": 9}},
    )
    (tmp_path / "config.yml").write_text(json.dumps(config))
    migrated = manage("migrate", "-v", "0", folder=tmp_path, DEEPSTREAM_CONFIG=str(tmp_path))
    assert migrated.returncode == 0, migrated.stderr
    (tmp_path / "empty").touch()
    with Server(
        kind, tmp_path / "server", template=tmp_path / "empty", config=config, environment=NOTHING_ELSE
    ) as server:
        asyncio.run(write_record(server.url, "auction/1"))

    assert postgres("SELECT name, version, data FROM records_record", database) == [
        ("auction/1", 1, {"a": 1})
    ]
    assert not list((tmp_path / "server").glob("*.sqlite3-wal"))


def mysql_database(name: str, *, drop: bool = False) -> bool:
    """Whether a database ``name`` could be made (or dropped) in the MySQL of this machine."""
    try:
        import pymysql
    except ImportError:
        return False
    try:
        connection = pymysql.connect(host="127.0.0.1", user="root", connect_timeout=3)
    except pymysql.err.OperationalError:
        return False
    with connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}" if drop else f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    return True


def test_records_may_be_in_mysql(tmp_path: Path) -> None:
    name = f"deepstream_{uuid4().hex}"
    if not mysql_database(name):
        pytest.skip("there is no MySQL here, or no PyMySQL")
    options = {"host": "127.0.0.1", "user": "root", "database": name}
    config = configuration(storage={"name": "mysql", "options": options})
    try:
        (tmp_path / "config.yml").write_text(json.dumps(config))
        migrated = manage("migrate", "-v", "0", folder=tmp_path, DEEPSTREAM_CONFIG=str(tmp_path))
        assert migrated.returncode == 0, migrated.stderr
        (tmp_path / "empty").touch()
        with Server(
            "fast", tmp_path / "server", template=tmp_path / "empty", config=config, environment=NOTHING_ELSE
        ) as server:
            asyncio.run(write_record(server.url, "auction/1"))
            asyncio.run(write_record(server.url, "auction/1"))
    finally:
        mysql_database(name, drop=True)


# The start


def started(folder: Path, **sections: Any) -> subprocess.CompletedProcess[str]:
    """Start a server that is expected to give up."""
    (folder / "config.yml").write_text(json.dumps(configuration(**sections)))
    return manage("deepstream", "start", "-c", str(folder), folder=folder)


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        (
            {"storage": {"name": "postgres", "options": {"host": "127.0.0.1", "port": 1, "database": "x"}}},
            "The database cannot be reached: connection ",
        ),
        (
            {"storage": {"name": "postgres", "options": {"password": "hunter2"}}},
            "storage.options: needs url or database, or the environment variable DATABASE_URL",
        ),
    ],
    ids=["no server", "no database named"],
)
def test_a_database_that_is_not_there_is_one_line_with_what_to_do(
    tmp_path: Path, sections: dict[str, Any], line: str
) -> None:
    done = started(tmp_path, dependencyInitializationTimeout=10, **sections)

    assert done.returncode == 1
    assert line in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


def migrated(folder: Path) -> None:
    """Make the SQLite database that a server without storage takes."""
    done = manage("migrate", "-v", "0", folder=folder)
    assert done.returncode == 0, done.stderr


def test_a_redis_that_is_not_there_is_one_line_with_what_to_do(tmp_path: Path) -> None:
    migrated(tmp_path)
    cluster = {"name": "redis", "options": {"host": "127.0.0.1", "port": 1, "password": "hunter2"}}
    done = started(tmp_path, dependencyInitializationTimeout=10, clusterNode=cluster)

    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("CommandError: Redis cannot be reached: ")
    assert last.endswith(" Check the configuration.")
    assert "hunter2" not in done.stderr


@pytest.fixture
def redis() -> Iterator[tuple[int, Callable[[], subprocess.Popen[bytes]]]]:
    """A free port, and what starts a Redis server there; it is ended with the test."""
    require(program := shutil.which("redis-server"), "redis-server")
    port = free_port()
    running: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        running.append(subprocess.Popen([str(program), *options], stdout=subprocess.DEVNULL))
        return running[-1]

    yield port, start
    for process in running:
        process.kill()
        process.wait()


def test_the_start_waits_for_a_redis_that_comes_late(
    tmp_path: Path, redis: tuple[int, Callable[[], object]]
) -> None:
    port, start_redis = redis
    cluster = {"name": "redis", "options": {"host": "127.0.0.1", "port": port}}
    config = configuration(dependencyInitializationTimeout=20_000, clusterNode=cluster)
    server = Server(
        "fast", tmp_path / "server", config=config, environment={"REDIS_URL": "", "LOG_LEVEL": "DEBUG"}
    )
    process = subprocess.Popen(
        server._command(),
        cwd=ROOT,
        env=os.environ | server._environment | environment_of(server),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "Redis does not answer yet" in line:
                break
        else:
            raise AssertionError("it did not wait")
        assert not server.is_healthy()
        start_redis()
        until(server.is_healthy, "the server is there")
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


def environment_of(server: Server) -> dict[str, str]:
    """What a server's process needs to know where its database is."""
    return {
        "DATABASE_URL": f"sqlite:///{server.database}",
        "DEEPSTREAM_VAR": str(server.folder),
        "INSECURE_HTTP": "1",
        "PYTHONUNBUFFERED": "1",
    }


IMPATIENT = """\
import sys
from gateway import lifeline
lifeline.Lifeline.__init__.__kwdefaults__.update(interval=0.05, patience=0.2)
sys.argv[0] = "manage.py"
from manage import main
main(sys.argv)
"""


def test_a_server_whose_redis_is_lost_ends_where_that_is_asked_for(
    tmp_path: Path, redis: tuple[int, Callable[[], subprocess.Popen[bytes]]]
) -> None:
    """With seconds instead of half a minute, that is what the program around it is for."""
    port, start_redis = redis
    running = start_redis()
    cluster = {"name": "redis", "options": {"host": "127.0.0.1", "port": port}}
    config = configuration(exitOnFatalError=True, dependencyInitializationTimeout=10_000, clusterNode=cluster)
    server = Server("fast", tmp_path / "server", config=config)
    (tmp_path / "impatient.py").write_text(IMPATIENT)
    command = [sys.executable, str(tmp_path / "impatient.py"), *server._command()[2:]]
    paths = {"PYTHONPATH": str(ROOT), "REDIS_URL": ""}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment_of(server) | paths,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(server.is_healthy, "the server is there")
        running.kill()
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "CRITICAL deepstream exitOnFatalError: the server ends" in said
    assert "what it depends on was lost (exitOnFatalError)" in said.splitlines()[-1]


# Logs, the logo, the name


def test_structured_logs_name_the_server_the_connection_and_the_user(tmp_path: Path) -> None:
    config = configuration(serverName="north", logger={"type": "json"})
    with Server("fast", tmp_path / "server", config=config) as server:
        asyncio.run(write_record(server.url, "a"))
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]

    assert all({"time", "level", "logger", "event", "message"} <= set(line) for line in lines)
    assert {line["node"] for line in lines if line["logger"] == "deepstream.connection"} == {"north"}
    (login,) = [line for line in lines if line["event"] == "logged-in"]
    assert login["user"] == "ann"
    assert login["address"].startswith("127.0.0.1:")
    closed = [line for line in lines if line["event"] == "closed"]
    assert [line["connection"] for line in closed] == [login["connection"]]
    assert any("Server north with " in line["message"] for line in lines)


@pytest.mark.parametrize("show_logo", [True, False])
def test_the_start_begins_with_a_logo_where_that_is_wanted(tmp_path: Path, show_logo: bool) -> None:
    with Server("fast", tmp_path / "server", config=configuration() | {"showLogo": show_logo}) as server:
        pass
    text = server.log.read_text()

    assert ("~~~  ~~~~\n     deepstream" in text) is show_logo
    assert "Uvicorn running on" in text


# TLS


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with two pairs of key and certificate for 127.0.0.1: the server's and a stranger's."""
    require(openssl := shutil.which("openssl"), "openssl")
    for name in ("own", "strange"):
        command = [str(openssl), "req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-subj", f"/CN={name}"]
        command += ["-addext", "subjectAltName=IP:127.0.0.1", "-passout", f"pass:{PASSPHRASE}"]
        command += ["-keyout", str(tmp_path / f"{name}.key"), "-out", str(tmp_path / f"{name}.pem")]
        subprocess.run(command, check=True, capture_output=True)
    return tmp_path


def test_a_server_listens_where_the_file_says_with_tls_of_the_configured_key(certificates: Path) -> None:
    """A client needs no certificate, but if it shows one, the configured authority must vouch for it."""
    files = {name: (certificates / name).read_text() for name in ("own.key", "own.pem")}
    options = {
        "key": "file(own.key)",
        "cert": "file(own.pem)",
        "ca": "file(own.pem)",
        "passphrase": PASSPHRASE,
    }
    server = Server("fast", certificates / "server", files=files)
    http = {"host": "127.0.0.1", "port": server.port, "ssl": options}
    config = server.folder / "config.yml"
    config.write_text(json.dumps(configuration(httpServer={"options": http})))
    process = subprocess.Popen(
        [sys.executable, "manage.py", "deepstream", "start", "-c", str(config)],
        cwd=ROOT,
        env=os.environ | environment_of(server),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers(certificate: str | None = None) -> bool:
        context = ssl.create_default_context(cafile=str(certificates / "own.pem"))
        if certificate:
            paths = (certificates / f"{certificate}.{kind}" for kind in ("pem", "key"))
            context.load_cert_chain(*paths, password=PASSPHRASE)
        with suppress(URLError, OSError):
            url = f"https://127.0.0.1:{server.port}/health-check"
            with urllib.request.urlopen(url, context=context, timeout=2) as answer:
                return bool(answer.status == 200)
        return False

    try:
        until(answers, "an answer over TLS")
        assert answers("own")
        assert not answers("strange")
    finally:
        process.terminate()
        process.wait(30)
