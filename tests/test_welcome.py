"""The public page, without a browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from deepstream_project.config import Config
from deepstream_project.config_network import Endpoints
from tests.conftest import require
from tests.servers import NODE_FOLDER, ROOT

BUNDLE = ROOT / "static" / "deepstream" / "deepstream-client.js"


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that has this process serve a configuration."""
    app = apps.get_app_config("gateway")
    return lambda config: monkeypatch.setattr(app, "config", config)


def page() -> str:
    answer = Client().get("/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_says_what_runs_here_and_where(configured: Any) -> None:
    configured(Config())
    text = page()
    for said in (
        "Records, Events, Remote procedure calls, Presence",
        "Version 0.",
        "ws://testserver/deepstream<",
        "ws://testserver/deepstream-json",
        'href="/admin/"',
        'href="/rest/v1/docs/"',
        'href="/health-check"',
        'id="playground"',
    ):
        assert said in text


def test_it_names_only_what_is_on(configured: Any) -> None:
    plain = Config()
    features = replace(plain.features, record=False, presence=False)
    ends = replace(plain.endpoints, text=None, http_api=None)
    configured(replace(plain, features=features, endpoints=ends))
    text = page()
    assert "Events, Remote procedure calls in real time" in text
    assert '"features": ["event", "rpc"]' in text
    assert "/deepstream-v3" not in text
    assert "HTTP API" not in text


def test_it_tells_nothing_that_a_client_could_not_find_out(configured: Any, tmp_path: Path) -> None:
    configured(replace(Config(), path=tmp_path / "config.yml", server_name="a-node-of-ours"))
    text = page()
    for secret in (str(tmp_path), "a-node-of-ours", "sqlite", "csrf", "Django", "Python"):
        assert secret not in text


def test_switched_off_the_playground_is_gone(configured: Any, settings: Any) -> None:
    configured(Config())
    settings.PLAYGROUND = False
    text = page()
    assert "A deepstream server runs here" in text
    assert "playground" not in text.replace("playground/welcome.", "")  # its style, whatever its name's hash
    assert "<script" not in text


def test_without_an_endpoint_for_the_official_client_there_is_no_playground(configured: Any) -> None:
    configured(replace(Config(), endpoints=Endpoints(binary=None)))
    assert 'id="playground"' not in page()


def test_the_bundled_client_is_the_one_that_the_server_is_tested_with() -> None:
    packaged = NODE_FOLDER / "node_modules" / "@deepstream" / "client" / "dist" / "bundle" / "ds.min.js"
    require(packaged.exists(), "node packages: run `npm ci` in tests/node")
    assert BUNDLE.read_text().endswith(packaged.read_text()), "run scripts/bundle-browser-client"


def test_the_licences_of_what_is_bundled_are_beside_it() -> None:
    licences = BUNDLE.with_name("deepstream-client.LICENSE.txt").read_text()
    for package in ("@deepstream/client", "@deepstream/protobuf", "protobufjs", "buffer, ieee754"):
        assert f"==== {package} ====" in licences
