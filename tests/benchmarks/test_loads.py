"""Each load, small, on the server: it runs, and everything arrives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.calls import Calls
from benchmarks.catalogue import LOADS
from benchmarks.fanout import EventScene, FanOut, RecordScene
from benchmarks.load import Load, Pace
from benchmarks.logins import Logins
from benchmarks.run import main
from benchmarks.target import TARGETS, Template
from benchmarks.timing import OneAtATime, Paced
from benchmarks.writes import AcknowledgedWrites
from tests.servers import Server

SHORT = Pace(warm_up=0.05, seconds=0.2)

SMALL: list[Load] = [
    FanOut("one-to-many", "", "delivery", EventScene, publishers=1, subscribers=3, window=4),
    FanOut("many-to-many", "", "delivery", EventScene, publishers=3, subscribers=4, window=2),
    FanOut("record", "", "delivery", RecordScene, publishers=1, subscribers=3, window=4),
    FanOut("writes", "", "write", RecordScene, publishers=3, subscribers=1, window=4),
    AcknowledgedWrites("acknowledged", "", writers=3),
    Calls("calls", "", requesters=3),
    OneAtATime("one-at-a-time", "", subscribers=3),
    Paced("paced", "", subscribers=3, rate=300),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The migrated database that each load's server starts with."""
    return Template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def server(template: Template) -> Iterator[Server]:
    """A server that has not been used."""
    with TARGETS["fast"].running(template) as server:
        yield server


@pytest.mark.parametrize("load", SMALL, ids=lambda load: load.name)
async def test_a_load_delivers_everything_and_takes_the_time_of_it(load: Load, server: Server) -> None:
    figures = await load.run(server.url, server.pid, SHORT)
    assert (figures.errors, figures.undelivered) == (0, 0)
    assert figures.operations > 10
    assert figures.seconds >= SHORT.seconds
    assert figures.p50 is not None
    assert figures.p99 is not None
    assert 0 < figures.p50 <= figures.p99


async def test_logins_are_counted_and_their_memory_too(server: Server) -> None:
    load = Logins("logins", "", clients=20, ahead=5, at_once=4)
    figures = await load.run(server.url, server.pid, SHORT)
    assert (figures.operations, figures.errors, figures.undelivered) == (20, 0, 0)
    assert figures.kilobytes is not None


def test_the_command_prints_a_row_for_each_load_and_writes_every_round(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loads = ["one-at-a-time", "rpc-50-to-1"]
    report = tmp_path / "report.json"
    timing = ["--rounds", "2", "--seconds", "0.2", "--warm-up", "0.05"]
    main(["--load", *loads, *timing, "--json", str(report)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows if row and row[0] in LOADS] == [[load, "fast"] for load in loads]
    measured = json.loads(report.read_text())
    assert [(run["load"], len(run["rounds"])) for run in measured["rounds"]] == [(load, 2) for load in loads]
    assert all(run["summary"]["undelivered"] == 0 for run in measured["rounds"])
    assert {"machine", "commit", "packages"} <= measured["environment"].keys()


def test_every_load_of_the_design_is_in_the_catalogue() -> None:
    assert list(LOADS) == [
        "events-1-to-100",
        "events-1-to-1000",
        "events-50-to-100",
        "record-1-to-100",
        "writes-pipelined",
        "writes-acknowledged",
        "rpc-50-to-1",
        "one-at-a-time",
        "paced-30000",
        "login",
    ]
