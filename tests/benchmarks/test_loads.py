"""Each load, small, on the server: it runs, and everything arrives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.calls import Calls
from benchmarks.catalogue import LOADS
from benchmarks.compare import COMMAND, main
from benchmarks.curves import Beside, store_records
from benchmarks.fanout import EventScene, FanOut, RecordScene
from benchmarks.load import Load, Pace
from benchmarks.logins import Logins
from benchmarks.lookups import questions, reads, rules_document, writes
from benchmarks.target import CHANNELS, FLOOR, TARGETS, Template
from benchmarks.timing import OneAtATime, Paced
from benchmarks.writes import AcknowledgedWrites
from tests.servers import Server

SHORT = Pace(warm_up=0.05, seconds=0.2)

WRITING: list[Load] = [
    FanOut("record", "", "delivery", RecordScene, publishers=1, subscribers=3, window=4),
    FanOut("writes", "", "write", RecordScene, publishers=3, subscribers=1, window=4),
    AcknowledgedWrites("acknowledged", "", writers=3),
]
"""Loads that begin with records of version 1, each on a server of its own."""

PASSING: list[Load] = [
    FanOut("one-to-many", "", "delivery", EventScene, publishers=1, subscribers=3, window=4),
    FanOut("many-to-many", "", "delivery", EventScene, publishers=3, subscribers=4, window=2),
    Calls("calls", "", requesters=3),
    OneAtATime("one-at-a-time", "", subscribers=3),
    Paced("paced", "", subscribers=3, rate=300),
    Beside(FanOut("beside", "", "delivery", EventScene, publishers=1, subscribers=3, window=4), 10),
    OneAtATime("small", "", subscribers=3, size=10),
    OneAtATime("large", "", subscribers=3, size=100_000),
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


@pytest.fixture(scope="module")
def used_server(template: Template) -> Iterator[Server]:
    """One server for all loads that leave nothing behind."""
    with TARGETS["fast"].running(template) as server:
        yield server


@pytest.mark.parametrize("load", PASSING, ids=lambda load: load.name)
async def test_a_load_delivers_everything_and_takes_the_time_of_it(load: Load, used_server: Server) -> None:
    await is_delivered(load, used_server)


@pytest.mark.parametrize("load", WRITING, ids=lambda load: load.name)
async def test_a_load_of_writes_delivers_everything_and_takes_the_time_of_it(
    load: Load, server: Server
) -> None:
    await is_delivered(load, server)


async def is_delivered(load: Load, server: Server) -> None:
    """Run the load: all arrives, and the figures are those of a run."""
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


@pytest.mark.parametrize("make", [reads, writes], ids=["reads", "writes"])
async def test_lookups_find_the_records_that_were_stored_before(
    make: Callable[[int], Load], template: Template, tmp_path: Path
) -> None:
    database = tmp_path / "stored.sqlite3"
    shutil.copyfile(template(), database)
    store_records(database, 100)
    with TARGETS["fast"].running(lambda: database) as server:
        figures = await make(100).run(server.url, server.pid, SHORT)
    assert (figures.errors, figures.undelivered) == (0, 0)
    assert figures.operations > 10


@pytest.mark.parametrize("fresh", [True, False])
async def test_questions_to_many_rules_are_allowed_by_one_of_them(fresh: bool, template: Template) -> None:
    permission = {"type": "config", "options": {"permissions": rules_document(20)}}
    with TARGETS["fast"].running(template, permission=permission) as server:
        figures = await questions(20, fresh=fresh).run(server.url, server.pid, SHORT)
    assert (figures.errors, figures.undelivered) == (0, 0)
    assert figures.operations > 10


async def test_slow_readers_are_dropped_and_the_others_get_everything(template: Template) -> None:
    load = FanOut(
        "slow", "", "delivery", EventScene, publishers=1, subscribers=6, window=64, slow=2, size=10_000
    )
    endpoint = {"type": "ws-binary", "options": {"maxOutboxSize": 100_000}}
    with TARGETS["fast"].running(template, connectionEndpoints=[endpoint]) as server:
        figures = await load.run(server.url, server.pid, SHORT)
    assert (figures.errors, figures.undelivered) == (0, 0)
    assert figures.dropped == 2
    assert figures.operations > 64 * 4
    assert figures.operations % 4 == 0


SOME_CHANNELS = [load for load in PASSING if load.name in ("one-to-many", "many-to-many", "one-at-a-time")]


ON_THE_FLOOR = [
    *SOME_CHANNELS,
    *(load for load in (*WRITING, *PASSING) if load.name in ("acknowledged", "calls")),
]
OTHERS = [(CHANNELS, load) for load in SOME_CHANNELS] + [(FLOOR, load) for load in ON_THE_FLOOR]


@pytest.mark.parametrize(("target", "load"), OTHERS, ids=lambda part: getattr(part, "name", part))
async def test_the_applications_beside_ours_do_what_is_measured(
    target: str, load: Load, template: Template
) -> None:
    with TARGETS[target].running(template) as server:
        figures = await load.run(server.url, server.pid, SHORT)
    assert (figures.errors, figures.undelivered) == (0, 0)
    assert figures.operations > 10


def test_the_command_prints_a_row_for_each_load_and_writes_every_round(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loads = ["one-at-a-time", "rpc-50-to-1"]
    report, document = tmp_path / "report.json", tmp_path / "document.md"
    document.write_text(f"before\n<!-- begin: {COMMAND} -->\nold\n<!-- end: {COMMAND} -->\nafter\n")
    timing = ["--rounds", "2", "--seconds", "0.2", "--warm-up", "0.05"]
    kept = ["--json", str(report), "--markdown", str(document)]
    main(["--target", "fast", "--load", *loads, *timing, *kept])
    printed = capsys.readouterr()
    rows = [line.split() for line in printed.out.splitlines()]
    assert [row[:2] for row in rows if row and row[0] in LOADS] == [[load, "fast"] for load in loads]
    assert "[4/4] rpc-50-to-1 on fast, round 2" in printed.err
    assert document.read_text().startswith("before\n")
    assert "| rpc-50-to-1 | fast |" in document.read_text()
    measured = json.loads(report.read_text())
    assert [(run["load"], len(run["rounds"])) for run in measured["rounds"]] == [(load, 2) for load in loads]
    assert all(run["summary"]["undelivered"] == 0 for run in measured["rounds"])
    assert {"machine", "commit", "packages"} <= measured["environment"].keys()


def test_every_load_that_there_are_goals_for_is_in_the_catalogue() -> None:
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
        "no-slow-readers",
        "5-slow-readers",
        "login",
    ]
