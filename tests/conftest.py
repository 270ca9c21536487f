"""What all tests share: a database of their own, and needs that must be met where it counts."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

NEEDS = "needs "


def require(condition: object, what: str) -> None:
    """Skip the running test unless ``condition`` holds, because it "needs ``what``".

    A skip with such a reason, from here or from ``pytest.skip("needs …")``, says that this machine lacks
    something. That is fine on a developer's machine; under ``CI=true`` it is a failure, so that a test
    cannot stop running without anybody noticing.
    """
    if not condition:
        pytest.skip(NEEDS + what.removeprefix(NEEDS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _unmet_need_fails((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _unmet_need_fails((yield))


def _unmet_need_fails(report: Any) -> Any:
    in_ci = os.environ.get("CI", "").lower() in {"1", "true"}
    if in_ci and report.skipped and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if reason.startswith(NEEDS):
            report.outcome = "failed"
            report.longrepr = f"Skipped, which CI does not allow: {reason}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Have ``--dist loadgroup`` see the groups: pytest-xdist 3.8 puts them where pytest 9.2 does not look.

    Groups with a slow test come first, so that no worker ends with one alone.
    """
    if not config.getoption("loadgroup", False):
        return
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group") if mark.args})
        suffix = f"@{'_'.join(groups)}"
        if groups and not item.nodeid.endswith(suffix):
            item._id = type(item.id).parse(item.nodeid + suffix)
    slow = {group_of(item.nodeid) for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: group_of(item.nodeid) not in slow)


def group_of(nodeid: str) -> str:
    """The group that a test is in: the one that it is marked with, else its module."""
    _, at, group = nodeid.rpartition("]")[2].rpartition("@")
    return group if at else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Have ``--dist loadgroup`` keep a module's tests together: its servers start in one worker only."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class Scheduling(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return Scheduling(config, log)


def pytest_configure() -> None:
    """Settings that suit a test client: no redirect to HTTPS, cheap passwords, no scan for static files."""
    settings.SECURE_SSL_REDIRECT = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    tmp_path_factory: pytest.TempPathFactory, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """SQLite in a file of this run, not in memory: threads then lock each other as they do in production."""
    database = connections.databases["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
