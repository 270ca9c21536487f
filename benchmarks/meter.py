"""What a load on a cluster has cost, and what of it was the bus."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self

from benchmarks.figures import Figures, percentile
from benchmarks.process import cpu_seconds, machine_cpu_seconds
from benchmarks.spread import Site


@dataclass(frozen=True, slots=True)
class Measured:
    """One round on a cluster: what any round has, all servers together; the CPU seconds of Redis and of the
    database server; the batches that nodes received from others and the items in them, and faults of the bus
    (what was dropped or missed)."""

    figures: Figures
    redis_cpu: float
    database_cpu: float
    batches: int
    items: int
    faults: int

    def as_json(self) -> dict[str, Any]:
        """Numbers by name."""
        own = {key: value for key, value in asdict(self).items() if key != "figures"}
        return self.figures.as_json() | own


class Meter:
    """Measures from entering its async context to leaving it; ``measured`` says what."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._spent: list[float] = []
        self._counted: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self._counted = await self._site.onlooker.totals()
        self._spent = self._now()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._spent = [end - start for start, end in zip(self._spent, self._now(), strict=True)]
        counted = await self._site.onlooker.totals()
        self._counted = {key: count - self._counted[key] for key, count in counted.items()}

    def measured(
        self, *, operations: int, latencies: Sequence[float] = (), errors: int = 0, undelivered: int = 0
    ) -> Measured:
        """What was measured; ``latencies`` are seconds."""
        seconds, servers, own, machine, redis, database = self._spent
        in_order = sorted(latencies)
        figures = Figures(
            operations=operations,
            seconds=seconds,
            server_cpu=servers,
            generator_cpu=own,
            other_cpu=max(0.0, machine - servers - own - redis - database),
            p50=percentile(in_order, 50),
            p99=percentile(in_order, 99),
            errors=errors,
            undelivered=undelivered,
        )
        bus = self._counted
        faults = bus["dropped"] + bus["missed"]
        return Measured(figures, redis, database, bus["received"], bus["items"], faults)

    def _now(self) -> list[float]:
        nodes = self._site.nodes
        together = [sum(map(cpu_seconds, pids)) for pids in (nodes.redis_pids, nodes.database_pids)]
        servers = sum(map(cpu_seconds, nodes.pids))
        return [time.perf_counter(), servers, time.process_time(), machine_cpu_seconds(), *together]


@dataclass(frozen=True, slots=True)
class BusCost:
    """What several processes cost more than one: microseconds of CPU, None where nothing was sent.

    ``per_operation`` and ``per_batch`` are of all servers together, what an item makes others do included;
    ``redis`` is Redis' own for a batch.
    """

    per_operation: float
    per_batch: float | None
    items_per_batch: float | None
    redis: float | None


def bus_cost(alone: Sequence[Measured], together: Sequence[Measured], *, crosses: bool) -> BusCost:
    """The difference between rounds of a load on one process and on several, medians of the rounds.

    ``crosses``: it is the batches that the difference comes from (``ClusterLoad.crosses``).
    """
    base = median(each.figures.cpu_each for each in alone)
    more = median(each.figures.cpu_each for each in together) - base
    if not crosses or not all(each.batches for each in together):
        return BusCost(more, None, None, None)
    operations = median(each.figures.operations / each.batches for each in together)
    return BusCost(
        per_operation=more,
        per_batch=more * operations,
        items_per_batch=median(each.items / each.batches for each in together),
        redis=median(each.redis_cpu / each.batches for each in together) * 1e6,
    )


def shares(rounds: Sequence[Measured]) -> Mapping[str, float]:
    """CPUs that Redis and the database kept busy, and batches a second: medians of the rounds."""
    seconds = [each.figures.seconds for each in rounds]
    spent: dict[str, list[float]] = {
        "redis": [each.redis_cpu for each in rounds],
        "database": [each.database_cpu for each in rounds],
        "batches": [each.batches for each in rounds],
    }
    return {
        key: median(value / length for value, length in zip(values, seconds, strict=True))
        for key, values in spent.items()
    }
