"""What the server counts about itself, from its start on; nothing here is ever reset.

Whoever counts on the hot path does it in place, ``metrics.received[topic][action] += 1`` (30 ns), because a
call would cost more than the counting. Whoever shows figures reads them when asked and makes differences by
itself, so that any number of readers (a page, the log, a dashboard) do not disturb each other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import pairwise

from deepstream_protocol.topics import ACTIONS, Topic

Rows = list[list[int]]
"""Numbers of messages, ``rows[topic][action]``."""

_TOPICS = 16
_WIDTH = 256
"""More than there are actions: a number beyond is no action, and an IndexError to who counts it."""

ERRORS_FROM = 100
"""Actions from here on tell a client that something went wrong (deepstream.proto)."""

DENIALS = frozenset({"MESSAGE_DENIED", "MESSAGE_PERMISSION_ERROR"})

WEBSOCKET, HTTP = "websocket", "http"
"""The doors through which logins come, in upstream's words."""


def rows() -> Rows:
    """Every topic and action at nought."""
    return [[0] * _WIDTH for _ in range(_TOPICS)]


def named(counted: Rows) -> dict[str, dict[str, int]]:
    """The numbers above nought, by the names of topic and action."""
    found = {}
    for topic, actions in ACTIONS.items():
        row = counted[topic]
        if numbers := {action.name: row[action] for action in actions if row[action]}:
            found[topic.name] = numbers
    return found


class Histogram:
    """How often something took how long: counts by upper bound in seconds, the last one without."""

    __slots__ = ("bounds", "counts", "largest", "total")

    def __init__(self, bounds: Iterable[float]) -> None:
        self.bounds = tuple(bounds)
        assert all(low < high for low, high in pairwise(self.bounds))
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0
        self.largest = 0.0

    @property
    def count(self) -> int:
        """How often it happened."""
        return sum(self.counts)

    def observe(self, seconds: float) -> None:
        """It took ``seconds`` once more."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds
        if seconds > self.largest:
            self.largest = seconds

    def quantile(self, part: float) -> float:
        """The bound below which ``part`` (0 to 1) of all lie; 0 without any, the largest for the last one."""
        wanted, seen = part * self.count, 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            seen += count
            if seen >= wanted:
                return min(bound, self.largest)
        return self.largest


class Logins:
    """Logins through one door."""

    __slots__ = ("accepted", "refused")

    def __init__(self) -> None:
        self.accepted = 0
        self.refused = 0


class Metrics:
    """The counters of one server process. Durations are seconds.

    ``received`` are messages from clients, ``sent`` the messages made for them, of which a broadcast is one
    for each wire format, ``deliveries`` all that was handed to their sockets; ``opened`` and ``closed`` are
    sockets, ``closed`` by close code; bytes are those of closed sockets, because open ones count their own.
    """

    __slots__ = (
        "bytes_received", "bytes_sent", "closed", "commit_failures", "commit_seconds", "deliveries",
        "load_failures", "load_seconds", "logins", "loop_lag", "opened", "received", "rows_committed",
        "rows_lost", "sent",
    )  # fmt: skip

    def __init__(self) -> None:
        self.received = rows()
        self.sent = rows()
        self.deliveries = 0
        self.logins = {WEBSOCKET: Logins(), HTTP: Logins()}
        self.opened = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.closed: dict[int, int] = {}
        self.commit_seconds = Histogram(_SECONDS)
        self.commit_failures = 0
        self.rows_committed = 0
        self.rows_lost = 0
        self.load_seconds = Histogram(_SECONDS)
        self.load_failures = 0
        self.loop_lag = Histogram(_SECONDS)

    def socket_closed(self, code: int, traffic: tuple[int, int] = (0, 0)) -> None:
        """A socket is gone, after ``traffic``, bytes received and sent; unknown codes count together."""
        self.bytes_received += traffic[0]
        self.bytes_sent += traffic[1]
        code = code if code in _CLOSE_CODES else 0
        self.closed[code] = self.closed.get(code, 0) + 1


_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CLOSE_CODES = frozenset({*range(1000, 1016), 4001, 4003, 4008, 4009, 4011, 4013})


def errors_of(sent: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """The errors among the messages ``named`` by ``sent``, whatever their topic."""
    found: dict[str, int] = {}
    for topic, actions in sent.items():
        kind = ACTIONS[Topic[topic]]
        for name, number in actions.items():
            if kind[name] >= ERRORS_FROM:
                found[name] = found.get(name, 0) + number
    return found
