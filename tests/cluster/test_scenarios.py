"""Every scenario of the official clients, its parties on different nodes of a cluster with PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from tests.cluster.fleet import Fleet, fleet_in
from tests.official_client.scenarios import Answers, Runner, sentences
from tests.servers import configuration

FOLDER = Path(__file__).resolve().parent.parent / "official_client"
PLAIN = configuration()
HARMLESS = {"rpc", "listen"}
"""Sections in which the settings of one module suit all those that have no other ones."""
DEADLY = ("restart.mjs", "old_restart.mjs")
"""Modules that kill all nodes: on a cluster of their own, of two nodes, as each start takes its time."""


SOLO = ("silence.mjs", "sizes.mjs", "old_address.mjs")
"""Scenarios of one client and its server, which has no need of other nodes."""


ALIKE = (
    "login.mjs",
    "refused.mjs",
    "requestor.mjs",
    "permissions.mjs",
    "auction.mjs",
    "old_denied.mjs",
    "old_users.mjs",
)
"""Scenarios that are decided at each client's own node, as they are on a server alone."""

EVERYTHING = os.environ.get("CLUSTER_SCENARIOS") == "all"
"""Whether those are played as well."""


class Settings(NamedTuple):
    """What nodes are configured as, and the files beside that."""

    config: Mapping[str, Any]
    files: Mapping[str, str]

    @property
    def is_harmless(self) -> bool:
        """Whether scenarios that want plain nodes can be played with it."""
        return not self.files and self.own.keys() <= HARMLESS

    @property
    def own(self) -> dict[str, Any]:
        """What is not as it is in plain ones."""
        return {key: value for key, value in self.config.items() if value != PLAIN.get(key)}


class Play(NamedTuple):
    """The scenarios of a module, and the cluster that they are played on."""

    module: str
    wire: str
    settings: Settings
    cluster: str = ""


def found_in(module: ModuleType) -> Play:
    """The scenarios that ``module`` plays on a single server, and the settings in its fixtures."""
    made = {
        name: getattr(module, name).__wrapped__() for name in ("config", "files") if hasattr(module, name)
    }
    settings = Settings(made.get("config", PLAIN), made.get("files", {}))
    return Play(module.MODULE, getattr(module, "WIRES", ("binary",))[0], settings)


def plays() -> list[Play]:
    """All plays; those that are played on the same cluster stand together."""
    modules = [
        import_module(f"tests.official_client.{path.stem}") for path in sorted(FOLDER.glob("test_*.py"))
    ]
    found = [found_in(module) for module in modules if hasattr(module, "MODULE")]
    found = [play for play in found if play.module not in SOLO and (EVERYTHING or play.module not in ALIKE)]
    united = dict(PLAIN)
    for play in found:
        if play.settings.is_harmless:
            united |= play.settings.own
    clusters = [Settings(united, {})]
    made = []
    for play in found:
        settings = clusters[0] if play.settings.is_harmless else play.settings
        if settings not in clusters:
            clusters.append(settings)
        number = "deadly" if play.module in DEADLY else clusters.index(settings)
        made.append(play._replace(settings=settings, cluster=f"cluster-{number}"))
    made.append(Play("rolling.mjs", "binary", clusters[0], "cluster-deadly"))
    return sorted(made, key=lambda play: play.cluster)


CASES = [
    pytest.param(
        play,
        sentence,
        id=f"{play.module}: {sentence}",
        marks=[pytest.mark.xdist_group(play.cluster)],
    )
    for play in plays()
    for sentence in sentences(play.module)
]


class Theatre:
    """The cluster and the Node process of the play that is on."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._cluster, self._clients = ExitStack(), ExitStack()
        self._name = ""
        self._play: Play | None = None
        self._fleet: Fleet
        self._runner: Runner

    def runner_of(self, play: Play) -> Runner:
        """What plays the scenarios of ``play``."""
        if play.cluster != self._name:
            self.close()
            self._name = play.cluster
            options = {"config": play.settings.config, "files": play.settings.files}
            size = 2 if play.module in DEADLY else 3
            self._fleet = self._cluster.enter_context(
                fleet_in(self._folders.mktemp("fleet"), size=size, **options)
            )
        if play != self._play:
            self._clients.close()
            self._play, fleet = play, self._fleet
            answers: Answers = {
                name: getattr(fleet, name)
                for name in ("kill", "stop", "start", "roll", "sql", "read", "write", "settle")
            }
            errors = fleet.folder / f"{play.module}.log"
            self._runner = Runner(play.module, fleet, play.wire, errors, urls=fleet.urls, answers=answers)
            self._clients.callback(self._runner.close)
        return self._runner

    def close(self) -> None:
        """End them."""
        self._play, self._name = None, ""
        self._clients.close()
        self._cluster.close()


@pytest.fixture(scope="module")
def theatre(node: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    theatre = Theatre(tmp_path_factory)
    yield theatre
    theatre.close()


@pytest.mark.node
@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize(("play", "sentence"), CASES)
def test_scenario(theatre: Theatre, play: Play, sentence: str) -> None:
    theatre.runner_of(play).run(sentence)
