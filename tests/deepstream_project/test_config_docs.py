"""docs/configuration.md has every key with its true default, and conf/config.yml says nothing else."""

from __future__ import annotations

import dataclasses
import re
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

from deepstream_project import config as configuration
from deepstream_project import config_history, config_login, config_network, config_services
from deepstream_project.config import Config, load_config
from deepstream_project.config_section import Section, key_of, settings_of
from gateway.rules.file import check_rules
from tests.conftest import require
from tests.servers import NODE_FOLDER

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

HEADINGS: dict[str, type[Section]] = {
    "enabledFeatures": configuration.Features,
    "httpServer": config_network.HttpConfig,
    "httpServer ssl": config_network.SslConfig,
    **{name: kind for name, (_, kind) in config_network.OPTIONS.items()},
    "rpc": configuration.RpcConfig,
    "record": configuration.RecordConfig,
    "record history": config_history.HistoryConfig,
    "listen": configuration.ListenConfig,
    **{f"auth {name}": kind for name, kind in config_login.OPTIONS.items()},
    "auth jwt claims": config_login.JwtClaims,
    "loginThrottle": config_login.LoginThrottle,
    "permission": config_services.PermissionConfig,
    "storage": config_services.StorageConfig,
    "storage ssl": config_services.StorageSsl,
    "cache": config_services.CacheConfig,
    "clusterNode": config_services.ClusterConfig,
    "monitoring": config_services.MonitoringConfig,
    "logger": config_services.LoggerConfig,
}


def part_under(heading: str) -> str:
    match = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert match is not None, f"there is no heading {heading}"
    return match[1]


def rows_under(heading: str) -> dict[str, str]:
    """Each key of the table under a heading, and its default as written there."""
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", part_under(heading), re.MULTILINE))


def written(field: dataclasses.Field[Any]) -> str:
    """A default as the page writes it: durations, which are floats here, in milliseconds."""
    if field.default_factory is not dataclasses.MISSING:
        return "below"
    match field.default:
        case dataclasses.MISSING:
            return "required"
        case None:
            return "none"
        case bool(value):
            return str(value).lower()
        case IntEnum() as level:
            return str(level.value)
        case float(seconds):
            return str(round(seconds * 1000))
        case tuple(items):
            return str(list(items))
        case value:
            return str(value)


def keys_of(kind: type[Section]) -> dict[str, dataclasses.Field[Any]]:
    return {key: field for key, field in settings_of(kind).items() if key == key_of(field)}


@pytest.mark.parametrize(("heading", "kind"), HEADINGS.items(), ids=HEADINGS)
def test_every_key_of_a_section_is_on_the_page_with_its_default(heading: str, kind: type[Section]) -> None:
    assert rows_under(heading) == {key: written(field) for key, field in keys_of(kind).items()}


def test_every_key_of_the_top_is_on_the_page() -> None:
    rows = rows_under("General")
    headings = set(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE))

    assert keys_of(Config).keys() - rows.keys() <= headings
    assert {key: value for key, value in rows.items() if key != "serverName"} == {
        key: written(field) for key, field in keys_of(Config).items() if key in rows and key != "serverName"
    }


@pytest.mark.parametrize("key", sorted([*Config.IGNORED, *Config.MOVED]))
def test_every_old_key_is_on_the_page(key: str) -> None:
    flat = {
        key_of(field)
        for kind in (configuration.RecordConfig, configuration.ListenConfig)
        for field in dataclasses.fields(kind)
    }  # type: ignore[arg-type]

    assert f"`{key}`" in part_under("Keys of older files") or key in flat | {
        "shuffleListenProviders",
        "listenResponseTimeout",
    }


def test_the_configuration_that_comes_along_is_valid(caplog: pytest.LogCaptureFixture) -> None:
    config = load_config(ROOT / "conf", environ={})

    assert config.path == ROOT / "conf" / "config.yml"
    assert caplog.records == []


def test_the_configuration_that_the_reference_server_comes_with_is_valid() -> None:
    folder = NODE_FOLDER / "node_modules" / "@deepstream" / "server" / "conf"
    require(folder.is_dir(), "the reference server: run `npm ci` in tests/node")
    config = load_config(folder, environ={})
    check_rules(config)
    assert config.permission.path == folder / "permissions.yml"
    assert config.listen.rematch_interval == 60
