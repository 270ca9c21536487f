"""A load notices everything that a server does wrong."""

from __future__ import annotations

import os

import pytest

from benchmarks.fanout import EventScene, FanOut
from benchmarks.figures import Figures
from benchmarks.load import Load, Pace
from benchmarks.timing import OneAtATime, Paced
from tests.benchmarks.careless_server import CarelessServer, Fault, none

SUBSCRIBERS = 3
WITNESS = SUBSCRIBERS - 1
SHORT = Pace(warm_up=0.02, seconds=0.1, patience=0.3)

FAN_OUT = FanOut("fan-out", "", "delivery", EventScene, publishers=2, subscribers=SUBSCRIBERS, window=4)
PACED = Paced("paced", "", subscribers=SUBSCRIBERS, rate=600)
LOADS: list[Load] = [FAN_OUT, PACED, OneAtATime("one-at-a-time", "", subscribers=SUBSCRIBERS)]


async def put_on(load: Load, server: CarelessServer) -> Figures:
    async with server.running() as url:
        return await load.run(url, os.getpid(), SHORT)


def named(load: Load) -> str:
    return load.name


@pytest.mark.parametrize("load", LOADS, ids=named)
async def test_a_faultless_server_has_no_errors_and_loses_nothing(load: Load) -> None:
    figures = await put_on(load, CarelessServer(none))
    assert (figures.errors, figures.undelivered) == (0, 0)
    assert figures.operations > 0
    assert figures.operations % SUBSCRIBERS == 0


def loses(subscriber: int, number: int) -> Fault:
    """From the ``number``-th event on, this subscriber gets none."""
    return lambda who, event: 0 if who == subscriber and event >= number else 1


@pytest.mark.parametrize("load", [FAN_OUT, PACED], ids=named)
@pytest.mark.parametrize("subscriber", range(SUBSCRIBERS))
async def test_a_subscriber_that_gets_no_more_is_counted_event_by_event(load: Load, subscriber: int) -> None:
    server = CarelessServer(loses(subscriber, 8))
    figures = await put_on(load, server)
    missed = server.emitted - 7
    # The witness sets the pace of a fan-out, and what it did not get is taken to have reached nobody.
    is_witness = load is FAN_OUT and subscriber == WITNESS
    assert figures.undelivered == missed * (SUBSCRIBERS if is_witness else 1)


@pytest.mark.parametrize("load", [FAN_OUT, PACED], ids=named)
@pytest.mark.parametrize("subscriber", range(SUBSCRIBERS))
async def test_single_events_that_get_lost_are_counted(load: Load, subscriber: int) -> None:
    server = CarelessServer(lambda who, event: 0 if who == subscriber and event % 5 == 0 else 1)
    figures = await put_on(load, server)
    assert figures.undelivered >= server.emitted // 5 > 0


@pytest.mark.parametrize("load", LOADS, ids=named)
@pytest.mark.parametrize("subscriber", range(SUBSCRIBERS))
async def test_an_event_that_arrives_twice_is_an_error(load: Load, subscriber: int) -> None:
    figures = await put_on(load, CarelessServer(lambda who, event: 1 + (who == subscriber and event == 3)))
    assert figures.errors > 0


@pytest.mark.parametrize("load", LOADS, ids=named)
async def test_an_answer_to_a_publisher_is_an_error(load: Load) -> None:
    figures = await put_on(load, CarelessServer(none, answers_emit=True))
    assert figures.errors > 0
