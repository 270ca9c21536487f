"""Every load for a cluster, by name."""

from __future__ import annotations

from benchmarks.cluster_joins import Joins
from benchmarks.cluster_loads import ClusterLoad, Idle, OneEvent, SpreadFanOut
from benchmarks.cluster_requests import CallsElsewhere, SpreadWrites
from benchmarks.fanout import EventScene, RecordScene

_ALL: tuple[ClusterLoad, ...] = (
    SpreadFanOut(
        "events-to-100",
        "one publisher, 64 events in flight, to 100 subscribers at all nodes",
        EventScene,
        subscribers=100,
    ),
    SpreadFanOut(
        "events-to-300",
        "one publisher, 64 events in flight, to 300 subscribers at all nodes",
        EventScene,
        subscribers=300,
    ),
    SpreadFanOut(
        "record-to-100",
        "one record patched, 64 patches in flight, to 100 subscribers at all nodes",
        RecordScene,
        subscribers=100,
    ),
    SpreadWrites(
        "writes-own",
        "48 writers at all nodes, each patching its own record when the patch before is acknowledged",
        names=lambda writer: f"bench/writer-{writer}",
        writers=48,
    ),
    SpreadWrites(
        "writes-same",
        "the same, but all patch the same record",
        names=lambda writer: "bench/everybody",
        writers=48,
    ),
    CallsElsewhere(
        "rpc-elsewhere",
        "50 requesters at the first node, each with one call under way, and a provider at the last",
        requesters=50,
    ),
    Joins("presence", "users come online at all nodes, and a client at each is told"),
    OneEvent("one-event-here", "one event at a time to a subscriber at the same node", elsewhere=False),
    OneEvent("one-event-there", "one event at a time to a subscriber at another node", elsewhere=True),
    Idle("idle", "nobody is there, and the nodes say that they live"),
)

CLUSTER_LOADS: dict[str, ClusterLoad] = {load.name: load for load in _ALL}
