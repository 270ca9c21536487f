"""Tests of the settings: fit for production as they are, and changed by environment variables alone."""

from __future__ import annotations

import ast
import os
import re
import runpy
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client

from deepstream_project.environment import secret_key

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "deepstream_project" / "settings.py"
VARIABLES = [
    "DEBUG",
    "SECRET_KEY",
    "DATABASE_URL",
    "SQLITE_SYNCHRONOUS",
    "REDIS_URL",
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "INSECURE_HTTP",
    "BEHIND_PROXY",
    "HSTS_SECONDS",
    "LOG_LEVEL",
    "TIME_ZONE",
    "METRICS_TOKEN",
    "RECORD_DECISIONS",
    "REST_RATE",
    "PLAYGROUND",
    "DEEPSTREAM_VAR",
]

LoadSettings = Callable[..., dict[str, Any]]


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No variable that settings read, but a folder of its own for what they make; returns that folder."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DEEPSTREAM_VAR", str(tmp_path / "var"))
    return tmp_path / "var"


@pytest.fixture
def load(clean_environment: Path, monkeypatch: pytest.MonkeyPatch) -> LoadSettings:
    """Runs the settings module with the given environment variables and returns its names."""

    def load_settings(**environment: str) -> dict[str, Any]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(SETTINGS))

    return load_settings


def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_every_variable_is_explained() -> None:
    text = SETTINGS.read_text(encoding="utf-8")
    explained = ast.get_docstring(ast.parse(text)) or ""
    read = re.findall(r'(?:flag|number|choice|words|environ\.get)\(\s*"([A-Z_]+)"', text)
    assert set(read) == set(VARIABLES)
    assert [name for name in VARIABLES if name not in explained] == []


def test_nothing_set_is_production(load: LoadSettings) -> None:
    settings = load()
    assert settings["DEBUG"] is False
    assert settings["SECURE_SSL_REDIRECT"] is True
    assert settings["SESSION_COOKIE_SECURE"] is True
    assert settings["CSRF_COOKIE_SECURE"] is True
    assert settings["SECURE_HSTS_SECONDS"] > 0
    assert "*" not in settings["ALLOWED_HOSTS"]


@pytest.mark.usefixtures("clean_environment")
def test_the_deployment_check_has_nothing_to_say() -> None:
    check = manage("check", "--deploy", "--fail-level", "WARNING")
    assert check.returncode == 0, check.stderr


@pytest.mark.usefixtures("clean_environment")
def test_the_migrations_match_the_models() -> None:
    check = manage("makemigrations", "--check", "--dry-run")
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize("variable", ["INSECURE_HTTP", "DEBUG"])
def test_plain_http_works_when_asked_for(variable: str, load: LoadSettings) -> None:
    settings = load(**{variable: "1"})
    assert settings["SECURE_SSL_REDIRECT"] is False
    assert settings["SESSION_COOKIE_SECURE"] is False
    assert settings["CSRF_COOKIE_SECURE"] is False
    assert settings["SECURE_HSTS_SECONDS"] == 0


def test_debug_is_not_switched_on_by_plain_http(load: LoadSettings) -> None:
    assert load(INSECURE_HTTP="1")["DEBUG"] is False


@pytest.mark.parametrize("text", ["0", "false", "no", "off", ""])
def test_a_no_is_a_no(text: str, load: LoadSettings) -> None:
    assert load(DEBUG=text)["DEBUG"] is False


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DEBUG", "maybe"),
        ("INSECURE_HTTP", "2"),
        ("HSTS_SECONDS", "-1"),
        ("HSTS_SECONDS", "a day"),
        ("LOG_LEVEL", "loud"),
        ("SQLITE_SYNCHRONOUS", "1; DROP TABLE records_record"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(
    variable: str, value: str, load: LoadSettings
) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{variable}="):
        load(**{variable: value})


def test_the_secret_is_made_once_and_only_its_owner_reads_it(
    load: LoadSettings, clean_environment: Path
) -> None:
    first, second = load()["SECRET_KEY"], load()["SECRET_KEY"]
    assert first == second
    assert len(first) >= 50
    assert stat.S_IMODE((clean_environment / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in clean_environment.iterdir() if "secret" in path.name] == ["secret_key"]


def test_a_given_secret_is_used_and_not_kept(load: LoadSettings, clean_environment: Path) -> None:
    assert load(SECRET_KEY="from outside")["SECRET_KEY"] == "from outside"
    assert not (clean_environment / "secret_key").exists()


def test_starters_at_the_same_time_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        secrets = set(pool.map(secret_key, [tmp_path / "secret_key"] * 64))
    assert len(secrets) == 1


def test_an_empty_secret_is_refused(load: LoadSettings, clean_environment: Path) -> None:
    clean_environment.mkdir()
    (clean_environment / "secret_key").touch()
    with pytest.raises(ImproperlyConfigured, match="is empty"):
        load()


def test_everything_made_at_run_time_is_in_one_folder(load: LoadSettings, clean_environment: Path) -> None:
    settings = load()
    assert settings["DATABASES"]["default"]["NAME"] == str(clean_environment / "deepstream.sqlite3")
    assert settings["STATIC_ROOT"].is_relative_to(clean_environment)
    assert settings["MEDIA_ROOT"].is_relative_to(clean_environment)


def test_sqlite_writes_ahead_and_survives_a_power_cut(load: LoadSettings) -> None:
    options = load()["DATABASES"]["default"]["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]
    assert "synchronous=FULL" in options["init_command"]
    assert (
        "synchronous=NORMAL"
        in (load(SQLITE_SYNCHRONOUS="normal")["DATABASES"]["default"]["OPTIONS"]["init_command"])
    )


@pytest.mark.django_db
def test_the_connection_has_what_the_settings_say() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("another database is configured")
    with connection.cursor() as cursor:
        values = [
            cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        ]
    assert values == ["wal", 2, 20_000, 1]


def test_a_database_url_chooses_the_database(load: LoadSettings) -> None:
    database = load(DATABASE_URL="postgres://jane:pw@db.example:5433/live")["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", 5433, "live")
    assert "transaction_mode" not in database.get("OPTIONS", {})


def test_one_process_needs_no_redis_and_several_share_one(load: LoadSettings) -> None:
    assert load()["CHANNEL_LAYERS"]["default"]["BACKEND"] == "channels.layers.InMemoryChannelLayer"
    layer = load(REDIS_URL="redis://cache.example:6379/1")["CHANNEL_LAYERS"]["default"]
    assert layer["BACKEND"] == "channels_redis.pubsub.RedisPubSubChannelLayer"
    assert layer["CONFIG"]["hosts"] == ["redis://cache.example:6379/1"]


def test_hosts_and_origins_are_lists_with_commas(load: LoadSettings) -> None:
    settings = load(ALLOWED_HOSTS="a.example, b.example,", CSRF_TRUSTED_ORIGINS="https://a.example")
    assert settings["ALLOWED_HOSTS"] == ["a.example", "b.example"]
    assert settings["CSRF_TRUSTED_ORIGINS"] == ["https://a.example"]


def test_a_proxy_is_believed_only_when_asked_for(load: LoadSettings) -> None:
    assert "SECURE_PROXY_SSL_HEADER" not in load()
    assert load(BEHIND_PROXY="1")["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.usefixtures("clean_environment")
def test_logs_are_plain_lines_on_standard_error() -> None:
    program = (
        "import django, logging; django.setup(); log = logging.getLogger('records');"
        "log.info('quiet'); log.warning('a word')"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "deepstream_project.settings",
        "LOG_LEVEL": "WARNING",
    }
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.endswith("WARNING records a word")
    assert line[:2] == "20", "a line begins with its time"


def test_pages_work_before_static_files_are_collected(client: Client) -> None:
    page = client.get("/", headers={"host": "localhost:6020"})
    assert page.status_code == 200
    for text in (b"ws://localhost:6020/deepstream", b"/health-check", b"/admin/"):
        assert text in page.content


@pytest.mark.django_db
def test_the_admin_and_its_style_are_served(client: Client) -> None:
    page = client.get("/admin/login/", headers={"host": "localhost"})
    assert page.status_code == 200
    style = client.get("/static/admin/css/base.css", headers={"host": "localhost"})
    assert style.status_code == 200
    assert not style.streaming
    assert style["Content-Type"].startswith("text/css")
    again = client.get(
        "/static/admin/css/base.css",
        headers={"host": "localhost", "if-modified-since": style["Last-Modified"]},
    )
    assert (again.status_code, again.content) == (304, b"")


def test_collected_files_are_named_by_content(clean_environment: Path) -> None:
    collected = manage("collectstatic", "--no-input", "--verbosity", "0")
    assert collected.returncode == 0, collected.stderr
    assert (clean_environment / "static" / "staticfiles.json").exists()
    assert list((clean_environment / "static" / "admin" / "css").glob("base.*.css.gz"))


def test_an_insecure_request_is_sent_to_https(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get("/", headers={"host": "localhost"})
    assert (answer.status_code, answer["Location"]) == (301, "https://localhost/")
    assert client.get("/health-check", headers={"host": "localhost"}).status_code != 301
