"""Tests of the files in ``conf/``: what a fresh checkout starts with."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from deepstream_project.config import Config, load_config

CONF = Path(__file__).resolve().parent.parent / "conf"
SECTIONS = {
    "record": {"create", "read", "write", "delete", "listen", "notify"},
    "event": {"publish", "subscribe", "listen"},
    "rpc": {"provide", "request"},
    "presence": {"allow"},
}


@pytest.fixture
def config() -> Config:
    return load_config(CONF / "config.yml")


def test_what_is_written_out_is_the_default(config: Config, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("{}")
    default = load_config(tmp_path / "config.yml")
    for section in ("log_level", "features", "http", "endpoints", "rpc", "record", "listen"):
        assert getattr(config, section) == getattr(default, section), section


def test_everyone_may_log_in(config: Config) -> None:
    assert [strategy.type for strategy in config.auth] == ["none"]


def test_the_rules_name_every_section_and_rule_type_at_the_root() -> None:
    rules = yaml.safe_load((CONF / "permissions.yml").read_text(encoding="utf-8"))
    assert {section: set(paths["*"]) for section, paths in rules.items()} == SECTIONS


def test_no_user_is_delivered_with_a_password_that_others_know() -> None:
    assert yaml.safe_load((CONF / "users.yml").read_text(encoding="utf-8")) == {}
