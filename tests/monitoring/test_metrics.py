"""Counters, histograms, and what a reader of them is told about a stretch of time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

import pytest

from deepstream_protocol.topics import ACTIONS, ConnectionAction, EventAction, RecordAction, Topic
from monitoring.loop_lag import LoopLag
from monitoring.metrics import ERRORS_FROM, HTTP, WEBSOCKET, Histogram, Metrics, errors_of, named, rows
from monitoring.observed_store import ObservedStore
from monitoring.report import Period, State
from records.storage import Committed, MemoryStore, Refusal, Row, StoreError


def state(deliveries: int = 0, received: int = 0) -> State:
    return State(
        nodes=1,
        connections=2,
        deliveries=deliveries,
        bytes_received=received,
        bytes_sent=2 * received,
        names={"EVENT_SUBSCRIPTIONS": 3},
    )


def test_every_action_that_there_is_can_be_counted() -> None:
    counted = rows()
    for topic, actions in ACTIONS.items():
        for action in actions:
            counted[topic][action] += 1

    assert {topic: set(numbers) for topic, numbers in named(counted).items()} == {
        topic.name: {action.name for action in actions} for topic, actions in ACTIONS.items()
    }


def test_errors_are_counted_by_their_name_whatever_their_topic() -> None:
    sent = rows()
    sent[Topic.EVENT][EventAction.MESSAGE_DENIED] = 2
    sent[Topic.RECORD][RecordAction.MESSAGE_DENIED] = 3
    sent[Topic.RECORD][RecordAction.VERSION_EXISTS] = 1
    sent[Topic.RECORD][RecordAction.READ_RESPONSE] = 9

    assert errors_of(named(sent)) == {"MESSAGE_DENIED": 5, "VERSION_EXISTS": 1}


def test_no_action_that_tells_of_a_success_counts_as_an_error() -> None:
    good = {"PING", "PONG", "EMIT", "SUBSCRIBE", "READ_RESPONSE", "UPDATE", "RESPONSE", "AUTH_SUCCESSFUL"}

    assert not [
        action
        for actions in ACTIONS.values()
        for action in actions
        if action.name in good and action >= ERRORS_FROM
    ]


def test_a_histogram_knows_number_sum_and_quantiles() -> None:
    histogram = Histogram((0.001, 0.01, 0.1))
    for seconds in [0.0005] * 90 + [0.005] * 9 + [3.0]:
        histogram.observe(seconds)

    assert histogram.count == 100
    assert histogram.total == pytest.approx(3.09)
    assert [histogram.quantile(part) for part in (0.5, 0.95, 1.0)] == [0.001, 0.01, 3.0]
    assert histogram.counts == [90, 9, 0, 1]


def test_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram((0.001, 0.01))
    histogram.observe(0.001)
    assert histogram.counts == [1, 0, 0]


def test_an_empty_histogram_is_nought() -> None:
    assert Histogram((1.0,)).quantile(0.5) == 0


def test_close_codes_that_nobody_defined_do_not_fill_the_memory() -> None:
    metrics = Metrics()
    for code in (1000, 1000, 4008, *range(3000, 4000)):
        metrics.socket_closed(code, (2, 3))

    assert metrics.closed == {1000: 2, 4008: 1, 0: 1000}
    assert (metrics.bytes_received, metrics.bytes_sent) == (2006, 3009)


def test_a_report_tells_what_came_since_the_last_one() -> None:
    metrics = Metrics()
    now = [100.0]
    states = iter([state(), state(50, 10), state(50, 10)])
    period = Period(metrics, lambda: next(states), clock=lambda: now[0])
    metrics.received[Topic.EVENT][EventAction.EMIT] += 2
    metrics.sent[Topic.EVENT][EventAction.MESSAGE_DENIED] += 1
    metrics.sent[Topic.CONNECTION][ConnectionAction.PONG] += 4
    metrics.logins[WEBSOCKET].accepted += 1
    metrics.opened += 1
    metrics.commit_seconds.observe(0.002)
    metrics.rows_committed += 7
    now[0] = 130.5

    first = period.take()

    assert (first["from"], first["to"], first["clusterSize"]) == (100_000, 130_500, 1)
    assert first["stateMetrics"] == {"EVENT_SUBSCRIPTIONS": 3}
    assert first["received"] == {"EVENT": {"EMIT": 2}}
    assert first["send"] == {"CONNECTION": {"PONG": 4}, "EVENT": {"MESSAGE_DENIED": 1}}
    assert first["errors"] == {"MESSAGE_DENIED": 1}
    assert first["denials"] == 1
    assert first["logins"] == {"websocket": {"allowed": 1, "declined": 0}}
    assert first["connections"] == {"now": 2, "opened": 1, "closed": {}}
    assert first["deliveries"] == 50
    assert first["bytes"] == {"received": 10, "sent": 20}
    assert first["store"]["rows"] == 7
    assert first["store"]["commits"]["count"] == 1
    assert first["store"]["commits"]["mean"] == pytest.approx(0.002)

    metrics.logins[HTTP].refused += 1
    metrics.socket_closed(1001)
    second = period.take()

    assert second["from"] == 130_500
    assert second["received"] == second["send"] == second["errors"] == {}
    assert second["logins"] == {"http": {"allowed": 0, "declined": 1}}
    assert second["connections"]["closed"] == {"1001": 1}
    assert second["deliveries"] == 0
    assert second["store"]["commits"] == {"count": 0, "mean": 0.0, "p50": 0.0, "p95": 0.0, "p99": 0.0}


def test_two_readers_do_not_take_each_others_figures() -> None:
    metrics = Metrics()
    one, two = Period(metrics, state), Period(metrics, state)
    metrics.received[Topic.EVENT][EventAction.EMIT] += 1

    assert one.take()["received"] == two.take()["received"] == {"EVENT": {"EMIT": 1}}


class Failing(MemoryStore):
    async def load(self, names: Collection[str]) -> Mapping[str, tuple[int, str, int]]:
        raise StoreError("down")

    async def commit(self, rows: Sequence[Row]) -> Committed:
        raise StoreError("down")


async def test_a_stores_commits_are_counted_with_their_rows_and_conflicts() -> None:
    metrics = Metrics()
    times = iter([0.0, 0.25, 1.0, 1.5])
    store = ObservedStore(MemoryStore(), metrics, clock=lambda: next(times))

    refused, made = await store.commit([Row("a", -1, 1, "{}"), Row("b", 5, 6, "{}")])
    found = await store.load(["a"])

    assert refused == {"b": Refusal.LOST}
    assert found == {"a": (1, "{}", made["a"])}
    assert (metrics.rows_committed, metrics.rows_lost) == (1, 1)
    assert metrics.commit_seconds.total == 0.25
    assert metrics.load_seconds.total == 0.5


async def test_a_stores_failures_are_counted_and_passed_on() -> None:
    metrics = Metrics()
    store = ObservedStore(Failing(), metrics)

    with pytest.raises(StoreError, match="down"):
        await store.commit([])
    with pytest.raises(StoreError, match="down"):
        await store.load([])

    assert (metrics.commit_failures, metrics.load_failures) == (1, 1)
    assert metrics.commit_seconds.count == metrics.load_seconds.count == 0


async def test_a_loop_that_is_held_up_is_seen_to_lag() -> None:
    histogram = Histogram((0.01, 10.0))
    loop = asyncio.get_running_loop()
    lag = LoopLag(loop, histogram, interval=0.005)
    held = asyncio.Event()

    def hold_up() -> None:
        end = loop.time() + 0.05
        while loop.time() < end:
            pass
        loop.call_later(0.02, held.set)

    loop.call_soon(hold_up)
    try:
        async with asyncio.timeout(10):
            await held.wait()
        assert histogram.largest >= 0.03
    finally:
        lag.close()
