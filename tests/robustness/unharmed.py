"""What must stay true of a server whatever some of its clients do."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from tests.robustness.conftest import Report
from tests.robustness.crowd import Crowd
from tests.robustness.pulse import INTERVAL, Pulse
from tests.robustness.vitals import MIB, Vitals, until
from tests.servers import Server

P99 = 0.25
"""Seconds that the server may be at work while a well-behaved client waits, in 99 of 100 cases."""

P99_IN_ALL = 2.0
"""Seconds that a round trip may take in 99 of 100 cases, on a machine that has other things to do."""

GROWTH = 64 * MIB
"""Bytes of memory that abuse may cost, beyond what is configured to wait for clients that do not read."""

MEMORY_LIMIT = 2048 * MIB
"""Bytes at which the system refuses the server more, so that a test that fails does not take all memory."""

BEATS_BEFORE, BEATS_AFTER = 20, 100
INTERVAL_AFTER = INTERVAL / 2
"""Seconds from beat to beat once the harm is done: nobody else is at work then."""

SETTLED = 15.0


class Scene(Crowd):
    """Clients who may do what they like, beside two who work."""

    def __init__(self, port: int, pulse: Pulse) -> None:
        super().__init__(port)
        self.pulse = pulse


@asynccontextmanager
async def unharmed(
    server: Server, report: Report, *, growth: int = GROWTH, p99: float = P99
) -> AsyncIterator[Scene]:
    """Two clients work while the body does harm: nothing of theirs is lost or late; all is given back."""
    vitals = Vitals(server.pid)
    async with Pulse.beating(server.port, busy=vitals.busy) as pulse:
        await pulse.beats(BEATS_BEFORE)
        vitals.forget_peak()
        memory, descriptors = vitals.memory, vitals.descriptors
        with _limited_memory(server.pid):
            async with Scene(server.port, pulse) as scene:
                yield scene
            pulse.interval = INTERVAL_AFTER
            await pulse.beats(BEATS_AFTER)
        peak = vitals.peak - memory
        await until(lambda: vitals.descriptors <= descriptors, SETTLED, "descriptors as before")
    report("events", pulse.events)
    report("writes", pulse.writes)
    report("peak growth", f"{peak / MIB:.1f} MiB")
    assert not pulse.faults, pulse.faults[:5]
    assert not pulse.lost
    assert max(pulse.events.busy_at(0.99), pulse.writes.busy_at(0.99)) < p99
    assert max(pulse.events.at(0.99), pulse.writes.at(0.99)) < P99_IN_ALL
    assert peak < growth
    assert server.is_running()
    assert server.is_healthy()


@contextmanager
def _limited_memory(pid: int) -> Iterator[None]:
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (MEMORY_LIMIT, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_AS, before)
