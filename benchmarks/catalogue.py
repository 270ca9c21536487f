"""Every load, by name."""

from __future__ import annotations

from benchmarks.calls import Calls
from benchmarks.fanout import EventScene, FanOut, RecordScene
from benchmarks.load import Load
from benchmarks.logins import Logins
from benchmarks.timing import OneAtATime, Paced
from benchmarks.writes import AcknowledgedWrites

_ALL: tuple[Load, ...] = (
    FanOut(
        "events-1-to-100",
        "one publisher, 64 events in flight, to 100 subscribers",
        "delivery",
        EventScene,
        publishers=1,
        subscribers=100,
        window=64,
    ),
    FanOut(
        "events-1-to-1000",
        "one publisher, 64 events in flight, to 1000 subscribers",
        "delivery",
        EventScene,
        publishers=1,
        subscribers=1000,
        window=64,
    ),
    FanOut(
        "events-50-to-100",
        "50 publishers, each with 2 events in flight, to 100 subscribers",
        "delivery",
        EventScene,
        publishers=50,
        subscribers=100,
        window=2,
    ),
    FanOut(
        "record-1-to-100",
        "one record patched, 64 patches in flight, to 100 subscribers",
        "delivery",
        RecordScene,
        publishers=1,
        subscribers=100,
        window=64,
    ),
    FanOut(
        "writes-pipelined",
        "50 writers, each patching its own record, 16 in flight, without acknowledgement",
        "write",
        RecordScene,
        publishers=50,
        subscribers=1,
        window=16,
    ),
    AcknowledgedWrites(
        "writes-acknowledged",
        "50 writers, each patching its own record when the patch before is acknowledged",
        writers=50,
    ),
    Calls("rpc-50-to-1", "50 requesters, each with one call under way, and one provider", requesters=50),
    OneAtATime("one-at-a-time", "one event, the next when all 100 subscribers have it", subscribers=100),
    Paced(
        "paced-30000",
        "300 events a second to 100 subscribers: 30,000 deliveries",
        subscribers=100,
        rate=30_000,
    ),
    FanOut(
        "no-slow-readers",
        "one publisher, 64 events of 1000 bytes in flight, to 95 subscribers",
        "delivery",
        EventScene,
        publishers=1,
        subscribers=95,
        window=64,
        size=1000,
    ),
    FanOut(
        "5-slow-readers",
        "the same with 5 subscribers more, who do not read",
        "delivery",
        EventScene,
        publishers=1,
        subscribers=100,
        window=64,
        slow=5,
        size=1000,
    ),
    Logins(
        "login",
        "2000 clients log in, 20 at once, with 5 subscriptions each, and stay",
        clients=2000,
        ahead=2000,
        at_once=20,
    ),
)

LOADS: dict[str, Load] = {load.name: load for load in _ALL}
