"""What anyone has seen is stored: no SIGKILL, at whatever moment, takes back what a client was told."""

from __future__ import annotations

import asyncio
import os
import random
import time

import pytest

from tests.robustness.conftest import Report
from tests.robustness.failing_store import STORED
from tests.robustness.ledger import Ledger
from tests.robustness.load import Load
from tests.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("robustness")]

LIVES = 20
WRITERS = 50
SHARED = 5
LONGEST_LIFE = 0.8


async def test_nothing_acknowledged_or_seen_is_lost_when_the_server_is_killed_twenty_times(
    server: Server, report: Report
) -> None:
    seed = int(os.environ.get("ROBUSTNESS_SEED") or time.time_ns())
    report("ROBUSTNESS_SEED", seed)
    chance = random.Random(seed)
    ledger = Ledger(own=WRITERS, shared=SHARED)
    unanswered, number = 0, 0
    for life in range(LIVES):
        before = ledger.acknowledged
        load = Load(server, ledger, chance)
        await load.begin(number)
        asyncio.get_running_loop().call_later(chance.uniform(0.05, LONGEST_LIFE), server.kill)
        codes = await load.end()
        assert set(codes) == {1006}
        assert ledger.acknowledged > before, f"life {life} was killed before anything was written"
        unanswered, number = unanswered + load.in_flight, load.number
        ledger.compare(server.sql(STORED))
        assert not ledger.faults, (life, len(ledger.faults), ledger.faults[:5])
        server.start()
    report("lives", LIVES)
    report("writes acknowledged", ledger.acknowledged)
    report("writes refused with VERSION_EXISTS", ledger.refused)
    report("writes in flight when killed", unanswered)
    report("versions seen by subscribers", ledger.seen)
    assert unanswered > LIVES
    assert ledger.seen > ledger.acknowledged
    assert ledger.refused
