"""How this node is: version, age, memory, and everything that it counts."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import process_time, time
from typing import Any

from gateway.commands.info import own_version
from gateway.node import Node
from gateway.operations import Operation
from monitoring.metrics import Histogram, errors_of, named
from pubsub.connection import Close
from pubsub.timers import Every

_STATM = Path("/proc/self/statm")

INTERVAL = 2.0
"""Seconds between two points of the history."""

POINTS = 150
"""Points that are kept: five minutes."""

SLOW = (Close.SLOW_CONSUMER, Close.SLOW_CONSUMER + 3000)
"""The close codes of clients that read too slowly, on our own WebSocket class and on others."""


class LiveStatus:
    """The operations ``nodes.status``, ``nodes.history`` and ``nodes.metrics``.

    All counts are since the start: whoever wants rates takes the differences of two answers, so that any
    number of them can look.
    """

    def __init__(
        self, node: Node, bus_lag: Callable[[], float | None], bus: Callable[[], dict[str, int] | None]
    ) -> None:
        self._node = node
        self._bus_lag = bus_lag
        self._bus = bus
        self._started = time()
        self._version = own_version()
        self._points: deque[dict[str, Any]] = deque([self._point()], maxlen=POINTS)
        self._timer = Every(asyncio.get_running_loop(), INTERVAL, self._remember)

    def close(self) -> None:
        """Cancel the timer."""
        self._timer.close()

    def operations(self) -> dict[str, Operation]:
        """The table for ``Operations.add``."""
        return {
            "nodes.status": self._status,
            "nodes.history": self._history,
            "nodes.metrics": self._metrics,
        }

    async def _status(self) -> dict[str, Any]:
        """What the dashboard shows of a node now."""
        return {**self._state(), **self._point()}

    async def _history(self) -> dict[str, Any]:
        """The counts of the last minutes, oldest first; ``bounds`` are of the histograms."""
        return {"bounds": self._node.metrics.loop_lag.bounds, "points": list(self._points)}

    async def _metrics(self) -> dict[str, Any]:
        """Everything, with messages by topic and action, for Prometheus."""
        metrics = self._node.metrics
        return {
            "at": round(time() * 1000),
            **self._state(),
            "bytes": self._bytes(),
            "received": named(metrics.received),
            "made": named(metrics.sent),
            "deliveries": self._node.metrics.deliveries,
            "logins": {
                door: {"accepted": one.accepted, "refused": one.refused}
                for door, one in metrics.logins.items()
            },
            "opened": metrics.opened,
            "closed": {str(code): number for code, number in metrics.closed.items()},
            "lag": _histogram(metrics.loop_lag),
            "commits": _histogram(metrics.commit_seconds),
            "loads": _histogram(metrics.load_seconds),
            "store": {
                "rows": metrics.rows_committed,
                "conflicts": metrics.rows_lost,
                "commitFailures": metrics.commit_failures,
                "loadFailures": metrics.load_failures,
            },
        }

    def _bytes(self) -> dict[str, int]:
        """Of all sockets since the start, those that are open included."""
        metrics = self._node.metrics
        traffic = [session.connection.traffic for session in self._node.sessions()]
        return {
            "received": metrics.bytes_received + sum(received for received, _ in traffic),
            "sent": metrics.bytes_sent + sum(sent for _, sent in traffic),
        }

    def _remember(self) -> None:
        self._points.append(self._point())

    def _state(self) -> dict[str, Any]:
        node = self._node
        return {
            "server": node.config.server_name,
            "version": self._version,
            "python": platform.python_version(),
            "pid": os.getpid(),
            "host": platform.node(),
            "started": round(self._started * 1000),
            "busLag": self._bus_lag(),
            "bus": self._bus(),
            "stopping": node.is_stopping,
            "bounds": node.metrics.loop_lag.bounds,
            "endpoints": {path: len(endpoint.sessions) for path, endpoint in node.endpoints.items()},
            "names": {
                "events": len(node.events.subscriptions.names()),
                "records": len(node.records.subscriptions.names()),
                "rpcs": len(node.rpc.providers.names()),
                "users": len(node.presence.sockets()),
            },
            "calls": node.rpc.calls_in_flight(),
            "errorsByName": errors_of(named(node.metrics.sent)),
            "memory": resident_bytes(),
            "cpu": round(process_time(), 3),
            "backlog": node.records.pipelines.pending(),
        }

    def _point(self) -> dict[str, Any]:
        """What charts are made of."""
        node, metrics = self._node, self._node.metrics
        sent = named(metrics.sent)
        return {
            "at": round(time() * 1000),
            "connections": sum(len(endpoint.sessions) for endpoint in node.endpoints.values()),
            "received": _by_topic(named(metrics.received)),
            "made": _by_topic(sent),
            "errors": sum(errors_of(sent).values()),
            "deliveries": node.metrics.deliveries,
            "accepted": sum(one.accepted for one in metrics.logins.values()),
            "refused": sum(one.refused for one in metrics.logins.values()),
            "slow": sum(metrics.closed.get(code, 0) for code in SLOW),
            "lag": metrics.loop_lag.counts.copy(),
            "commits": metrics.commit_seconds.counts.copy(),
            "backlog": node.records.pipelines.pending(),
            "memory": resident_bytes(),
            "cpu": round(process_time(), 3),
        }


def resident_bytes() -> int:
    """The memory that the process has now; where that is not told, the most it had."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _by_topic(counted: dict[str, dict[str, int]]) -> dict[str, int]:
    return {topic: sum(actions.values()) for topic, actions in counted.items()}


def _histogram(histogram: Histogram) -> dict[str, Any]:
    """``counts`` has one more than ``bounds``, in seconds: what took longer than all of them."""
    return {
        "bounds": histogram.bounds,
        "counts": histogram.counts.copy(),
        "sum": histogram.total,
        "largest": histogram.largest,
    }
