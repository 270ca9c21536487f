"""DATABASES and CHANNEL_LAYERS: DATABASE_URL and REDIS_URL first, then config.yml, then the defaults."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured

from deepstream_project import backends
from deepstream_project.backends import NO_DATABASE, choose_database, choose_layer, layers_on
from deepstream_project.config_file import name_config
from deepstream_project.config_parts import Parts, load_parts
from deepstream_project.config_services import ClusterConfig, StorageConfig, StorageSsl
from tests.conftest import require
from tests.servers import ROOT

POSTGRES = "postgres://postgres@127.0.0.1:5432"


def chosen(url: str | None = None, storage: StorageConfig | None = None) -> backends.Chosen:
    return choose_database(url, storage or StorageConfig(), sqlite=Path("/var/x.sqlite3"), pragmas="PRAGMA x")


def database(url: str | None = None, **storage: Any) -> dict[str, Any]:
    """What the database becomes with DATABASE_URL, or these options of ``storage``."""
    made: dict[str, Any] = chosen(url, StorageConfig(**storage)).value["default"]
    return made


# The database


def test_nothing_said_is_sqlite_in_the_folder_of_what_is_made() -> None:
    made = database()

    assert made["ENGINE"] == "django.db.backends.sqlite3"
    assert made["NAME"] == "/var/x.sqlite3"
    assert made["OPTIONS"] == {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA x"}


def test_storage_says_where_the_database_is() -> None:
    made = database(type="postgres", host="db", port=5433, user="ann", password="p@ss", database="live")

    assert made["ENGINE"] == "django.db.backends.postgresql"
    assert [made[key] for key in ("HOST", "PORT", "USER", "PASSWORD", "NAME")] == [
        *("db", 5433, "ann", "p@ss", "live")
    ]


def test_storage_may_be_a_url() -> None:
    made = database(type="postgres", url="postgres://ann:p%40ss@db:5433/live")

    assert [made[key] for key in ("HOST", "PORT", "USER", "PASSWORD", "NAME")] == [
        *("db", 5433, "ann", "p@ss", "live")
    ]


def test_a_host_is_this_machine_unless_it_is_named() -> None:
    assert database(type="postgres", database="live")["HOST"] == "localhost"


def test_the_environment_wins_over_storage() -> None:
    found = chosen("postgres://env/one", StorageConfig(type="postgres", host="file", database="two"))

    assert (found.value["default"]["HOST"], found.origin) == ("env", "DATABASE_URL")


def test_a_server_without_a_database_named_is_a_problem_and_never_another_database() -> None:
    found = chosen(None, StorageConfig(type="postgres", host="db"))

    assert found.value is NO_DATABASE
    assert found.problem is not None
    assert "needs url or database" in found.problem


def test_a_part_that_cannot_be_read_is_never_another_database() -> None:
    assert choose_database(None, None, sqlite=Path("x"), pragmas="").value is NO_DATABASE


@pytest.mark.parametrize(
    "made",
    [
        lambda: database("postgres://db/live"),
        lambda: database(type="postgres", url="postgres://db/live"),
        lambda: database(type="postgres", database="live"),
    ],
    ids=["DATABASE_URL", "url", "options"],
)
def test_no_connection_to_postgresql_waits_for_ever(made: Any) -> None:
    options = made()["OPTIONS"]

    assert options["connect_timeout"] == 5
    assert options["tcp_user_timeout"] == 15_000
    assert options["keepalives_idle"] + options["keepalives_interval"] * options["keepalives_count"] == 30
    assert options["options"] == "-c statement_timeout=30s"


def test_what_a_url_says_itself_stays() -> None:
    made = database("postgres://db/live?connect_timeout=1&options=-c%20statement_timeout=0")

    assert made["OPTIONS"]["connect_timeout"] == 1
    assert made["OPTIONS"]["options"] == "-c statement_timeout=30s -c statement_timeout=0"  # the last counts


def test_a_url_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL: cannot be read") as caught:
        chosen("oracle9://ann:hunter2@db/live")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("ssl", "options"),
    [
        (StorageSsl(), {"sslmode": "verify-full", "sslrootcert": "system"}),
        (StorageSsl(ca=Path("/ca.pem")), {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}),
        (StorageSsl(reject_unauthorized=False), {"sslmode": "require"}),
        (
            StorageSsl(reject_unauthorized=False, cert=Path("/c.pem"), key=Path("/k.pem")),
            {"sslmode": "require", "sslcert": "/c.pem", "sslkey": "/k.pem"},
        ),
    ],
)
def test_tls_to_postgresql_proves_the_server_unless_told_not_to(
    ssl: StorageSsl, options: dict[str, str]
) -> None:
    made = database(type="postgres", database="live", ssl=ssl)["OPTIONS"]

    assert {key: value for key, value in made.items() if key.startswith("ssl")} == options


def test_mysql_without_a_driver_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "pymysql", None)

    found = chosen(None, StorageConfig(type="mysql", database="live"))

    assert found.value["default"]["ENGINE"] == "django.db.backends.mysql"
    assert found.value["default"]["OPTIONS"]["connect_timeout"] == 5
    assert found.problem is not None
    assert "deepstream install storage mysql" in found.problem


# Redis


def test_redis_is_that_of_the_environment_then_that_of_the_file_then_none() -> None:
    file = ClusterConfig(type="redis", host="file")

    assert choose_layer("redis://env/1", file) == ("redis://env/1", "REDIS_URL", None)
    assert choose_layer(None, file) == ("redis://file:6379/0", "config.yml", None)
    assert choose_layer(None, ClusterConfig()) == (None, "default", None)
    assert choose_layer(None, None) == (None, "default", None)


def test_the_layer_is_redis_or_within_the_process() -> None:
    assert layers_on(None)["default"]["BACKEND"] == "channels.layers.InMemoryChannelLayer"
    assert layers_on("redis://a/1")["default"]["CONFIG"]["hosts"] == ["redis://a/1"]


# Reading these parts, whatever the rest of the file is


def parts(folder: Path, text: str) -> tuple[Parts, tuple[str, ...]]:
    (folder / "config.yml").write_text(text)
    return load_parts({"DEEPSTREAM_CONFIG": str(folder)})


def test_only_these_parts_are_looked_at(tmp_path: Path) -> None:
    found, problems = parts(
        tmp_path, "storage: {name: postgres, options: {database: a}}\nrpc: 3\nauth: fileLoad(gone.yml)"
    )

    assert problems == ()
    assert found.storage == StorageConfig(type="postgres", database="a")
    assert found.cluster_node == ClusterConfig()


def test_a_part_with_a_problem_is_none_and_the_others_are_read(tmp_path: Path) -> None:
    found, problems = parts(
        tmp_path, "storage: {name: postgres, options: {port: x}}\nclusterNode: {name: redis}"
    )

    assert found.storage is None
    assert found.cluster_node == ClusterConfig(type="redis")
    assert [problem.replace(f"{tmp_path}/", "") for problem in problems] == [
        "config.yml:1: storage.options.port: must be a number, not text ('x')"
    ]


@pytest.mark.parametrize("text", ["a: [", "- a list", "storage: ${NOWHERE_TO_BE_FOUND}"])
def test_a_file_that_cannot_be_read_chooses_no_database(tmp_path: Path, text: str) -> None:
    found, problems = parts(tmp_path, text)

    assert found.storage is None
    assert problems


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert parts(tmp_path, "# nothing") == (Parts(), ())


# The file that the command line names


@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "x.yml"],
        ["start", "--config", "x.yml"],
        ["check", "--config=x.yml"],
        ["-cx.yml", "--port", "1"],
    ],
)
def test_the_flag_is_heard_before_the_settings_are_read(arguments: list[str]) -> None:
    environ: dict[str, str] = {}
    name_config(arguments, environ)
    assert environ == {"DEEPSTREAM_CONFIG": "x.yml"}


@pytest.mark.parametrize("arguments", [[], ["start"], ["start", "-c"], ["hash", "secret"]])
def test_without_the_flag_the_environment_stays(arguments: list[str]) -> None:
    environ = {"DEEPSTREAM_CONFIG": "mine"}
    name_config(arguments, environ)
    assert environ == {"DEEPSTREAM_CONFIG": "mine"}


# The whole way, as a shell takes it


def manage(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py with nothing but the file in ``folder`` to choose the database."""
    variables = {"DATABASE_URL": "", "REDIS_URL": "", "DEEPSTREAM_VAR": str(folder / "var"), **environment}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_info_says_which_database_and_redis_were_chosen_and_no_password(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(
        "storage: {name: postgres, options: {host: db, user: ann, password: hunter2, database: live}}\n"
        "clusterNode: {name: redis, options: {host: cache, port: 7000, password: hunter2}}"
    )
    done = manage("deepstream", "info", "-c", str(tmp_path), folder=tmp_path)
    configured = json.loads(done.stdout)["configured"]

    assert configured["database"] == {
        "engine": "postgresql",
        "host": "db",
        "port": None,
        "name": "live",
        "chosenBy": "config.yml",
    }
    assert configured["clusterNode"] == {
        "type": "redis",
        "host": "cache",
        "port": 7000,
        "chosenBy": "config.yml",
    }
    assert "hunter2" not in done.stdout + done.stderr

    done = manage(
        *("deepstream", "info", "-c", str(tmp_path)),
        folder=tmp_path,
        DATABASE_URL="postgres://bob:hunter3@other/x",
        REDIS_URL="redis://:hunter3@other:1/2",
    )
    configured = json.loads(done.stdout)["configured"]
    assert (configured["database"]["host"], configured["database"]["chosenBy"]) == ("other", "DATABASE_URL")
    assert (configured["clusterNode"]["host"], configured["clusterNode"]["chosenBy"]) == (
        "other",
        "REDIS_URL",
    )
    assert "hunter" not in done.stdout + done.stderr


BROKEN = "storage: {type: postgrs}\n"
COMMANDS = [
    ["check"],
    ["migrate"],
    ["shell", "-c", "from records.models import Record; Record.objects.count()"],
    ["deepstream", "check"],
    ["deepstream", "start"],
    ["deepstream", "explain", "--action", "event.publish", "--name", "x"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_broken_file_is_said_with_its_place_and_without_a_traceback(
    tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "config.yml").write_text(BROKEN)
    done = manage(*command, folder=tmp_path, DEEPSTREAM_CONFIG=str(tmp_path))

    assert done.returncode == 1, done.stderr
    assert (
        f"{tmp_path}/config.yml:1: storage.type: unknown type 'postgrs'; did you mean postgres?"
        in done.stderr
    )
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "var" / "deepstream.sqlite3").exists(), "another database was taken instead"


@pytest.mark.parametrize("text", [BROKEN, "rpc: {ackTimout: 1}"])
def test_an_asgi_server_ends_with_what_is_wrong_with_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yml").write_text(text)
    variables = {"DATABASE_URL": "", "DEEPSTREAM_VAR": str(tmp_path), "DEEPSTREAM_CONFIG": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "daphne", "-p", "0", "deepstream_project.asgi:application"],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"{tmp_path}/config.yml:1: ")
    assert "Traceback" not in done.stderr


def test_what_is_broken_elsewhere_in_the_file_does_not_keep_django_from_working(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("rpc: {ackTimout: 1}")
    done = manage("check", folder=tmp_path, DEEPSTREAM_CONFIG=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_a_broken_storage_is_no_matter_where_the_environment_says_the_database(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(BROKEN)
    done = manage(
        "check",
        folder=tmp_path,
        DEEPSTREAM_CONFIG=str(tmp_path),
        DATABASE_URL=f"sqlite:///{tmp_path}/a.sqlite3",
    )
    assert done.returncode == 0, done.stderr


def test_a_setting_that_makes_no_sense_is_one_line(tmp_path: Path) -> None:
    done = manage("migrate", folder=tmp_path, DEBUG="maybe")
    assert done.returncode == 1
    assert done.stderr == "DEBUG='maybe': use 1 or 0.\n"


def test_postgresql_itself_takes_the_bounds(tmp_path: Path) -> None:
    try:
        psycopg.connect(f"{POSTGRES}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        require(False, "PostgreSQL")
    storage = {"name": "postgres", "options": {"connectionString": f"{POSTGRES}/postgres"}}
    (tmp_path / "config.json").write_text(json.dumps({"storage": storage}))
    program = (
        "from django.db import connection\n"
        "with connection.cursor() as cursor:\n"
        "    cursor.execute('SHOW statement_timeout')\n"
        "    print(*cursor.fetchone())"
    )
    done = manage("shell", "-v", "0", "-c", program, folder=tmp_path, DEEPSTREAM_CONFIG=str(tmp_path))
    assert done.stdout.strip() == "30s", done.stderr
