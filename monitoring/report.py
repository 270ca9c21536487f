"""The figures of a stretch of time, in the form that deepstream's own monitoring gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import time
from typing import Any

from monitoring.metrics import DENIALS, Histogram, Metrics, Rows, errors_of, named


@dataclass(frozen=True, slots=True)
class State:
    """What there is now, in contrast to what has happened.

    ``names``: under upstream's names, how many events, records and so on have subscribers, providers or
    listeners; ``deliveries``: frames handed to sockets since the start; bytes, of all sockets since then.
    """

    nodes: int
    connections: int
    deliveries: int
    bytes_received: int
    bytes_sent: int
    names: Mapping[str, int]


class Period:
    """What happened since the last ``take``, which upstream calls resetting; each reader has its own."""

    def __init__(
        self, metrics: Metrics, look: Callable[[], State], *, clock: Callable[[], float] = time
    ) -> None:
        self._metrics = metrics
        self._look = look
        self._clock = clock
        self._from = clock()
        self._before = _Totals(metrics, look())

    def take(self) -> dict[str, Any]:
        """The figures since the last time, as JSON: times in ms since 1970, durations in seconds."""
        state, began, self._from = self._look(), self._from, self._clock()
        before, now = self._before, _Totals(self._metrics, state)
        self._before = now
        received, sent = named(_less(now.received, before.received)), named(_less(now.sent, before.sent))
        errors = errors_of(sent)
        return {
            "from": round(began * 1000),
            "to": round(self._from * 1000),
            "clusterSize": state.nodes,
            "stateMetrics": dict(state.names),
            "errors": errors,
            "received": received,
            "send": sent,
            "logins": now.logins_since(before),
            # What upstream does not have.
            "denials": sum(number for name, number in errors.items() if name in DENIALS),
            "deliveries": now.deliveries - before.deliveries,
            "bytes": {
                "received": now.bytes_received - before.bytes_received,
                "sent": now.bytes_sent - before.bytes_sent,
            },
            "connections": {
                "now": state.connections,
                "opened": now.opened - before.opened,
                "closed": now.closed_since(before),
            },
            "store": {
                "commits": _summary(now.commits, before.commits),
                "rows": now.rows - before.rows,
                "conflicts": now.lost - before.lost,
                "loads": _summary(now.loads, before.loads),
                "failures": now.failures - before.failures,
            },
            "eventLoopLag": _summary(now.lag, before.lag),
        }


class _Totals:
    """A copy of the counters."""

    __slots__ = (
        "bytes_received", "bytes_sent", "closed", "commits", "deliveries", "failures", "lag", "loads",
        "logins", "lost", "opened", "received", "rows", "sent",
    )  # fmt: skip

    def __init__(self, metrics: Metrics, state: State) -> None:
        self.received = [row.copy() for row in metrics.received]
        self.sent = [row.copy() for row in metrics.sent]
        self.logins = {door: (one.accepted, one.refused) for door, one in metrics.logins.items()}
        self.opened, self.closed = metrics.opened, dict(metrics.closed)
        self.commits = _copy(metrics.commit_seconds)
        self.loads = _copy(metrics.load_seconds)
        self.lag = _copy(metrics.loop_lag)
        self.rows, self.lost = metrics.rows_committed, metrics.rows_lost
        self.failures = metrics.commit_failures + metrics.load_failures
        self.deliveries = state.deliveries
        self.bytes_received, self.bytes_sent = state.bytes_received, state.bytes_sent

    def logins_since(self, before: _Totals) -> dict[str, dict[str, int]]:
        """By door, those with any."""
        pairs = {
            door: [now - then for now, then in zip(one, before.logins[door], strict=True)]
            for door, one in self.logins.items()
        }
        return {
            door: {"allowed": allowed, "declined": declined}
            for door, (allowed, declined) in pairs.items()
            if allowed or declined
        }

    def closed_since(self, before: _Totals) -> dict[str, int]:
        """By close code, those with any."""
        numbers = {code: number - before.closed.get(code, 0) for code, number in self.closed.items()}
        return {str(code): number for code, number in sorted(numbers.items()) if number}


def _less(now: Rows, before: Rows) -> Rows:
    return [[a - b for a, b in zip(row, other, strict=True)] for row, other in zip(now, before, strict=True)]


def _copy(histogram: Histogram) -> Histogram:
    made = Histogram(histogram.bounds)
    made.counts, made.total = histogram.counts.copy(), histogram.total
    made.largest = histogram.largest
    return made


def _summary(now: Histogram, before: Histogram) -> dict[str, float]:
    """Number, mean and quantiles of what came between; quantiles are upper bounds of their bucket."""
    between = Histogram(now.bounds)
    between.counts = [a - b for a, b in zip(now.counts, before.counts, strict=True)]
    between.largest = now.largest
    count = between.count
    return {
        "count": count,
        "mean": round((now.total - before.total) / count, 6) if count else 0.0,
        **{
            f"p{round(part * 100)}": round(between.quantile(part), 6) if count else 0.0
            for part in (0.5, 0.95, 0.99)
        },
    }
