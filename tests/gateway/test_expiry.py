"""Logins that are for a limited time end (``User.expires_at``)."""

from __future__ import annotations

import asyncio

import pytest

from deepstream_protocol.json import JsonCodec
from gateway import expiry
from gateway.codecs import PlainCodec
from gateway.expiry import Expiry
from pubsub.connection import Close, Connection, Flusher
from pubsub.user import User


class Wire:
    """A transport that tells when it is closed."""

    def __init__(self, closed: list[tuple[str, int]], name: str, woken: asyncio.Event) -> None:
        self._closed, self._name, self._woken = closed, name, woken

    def write(self, frames: list[bytes | str]) -> None:
        """Nothing is looked at."""

    def close(self, code: int, reason: str) -> None:
        self._closed.append((self._name, code))
        self._woken.set()

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""


class Logins:
    """Connections by their users' names, under a clock that is set by hand."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.now = 1000.0
        self.closed: list[tuple[str, int]] = []
        self.woken = asyncio.Event()
        self.expiry = Expiry(loop, now=lambda: self.now)
        self._flusher = Flusher(loop.call_soon)

    def begin(self, name: str, expires_at: float | None) -> Connection:
        connection = Connection(PlainCodec(JsonCodec()), self._flusher, limit=1)
        connection.attach(Wire(self.closed, name, self.woken))
        connection.user = User(name, expires_at=expires_at)
        self.expiry.start(connection)
        return connection

    async def until(self, now: float) -> None:
        """Set the clock and wait for the next close."""
        self.now = now
        self.woken.clear()
        await asyncio.wait_for(self.woken.wait(), 5)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is looked at often, because these tests set it."""
    monkeypatch.setattr(expiry, "SHORTEST_WAIT", 0.001)
    monkeypatch.setattr(expiry, "LONGEST_WAIT", 0.01)


async def test_each_is_closed_at_its_own_end() -> None:
    logins = Logins()
    for name, end in (("late", 3000.0), ("soon", 2000.0), ("soon too", 2000.0), ("never", None)):
        logins.begin(name, end)
    assert len(logins.expiry) == 3
    await logins.until(2000.0)
    assert logins.closed == [("soon", Close.POLICY), ("soon too", Close.POLICY)]
    await logins.until(3000.0)
    assert logins.closed[2:] == [("late", Close.POLICY)]
    assert len(logins.expiry) == 0
    logins.expiry.close()


async def test_one_that_ends_sooner_than_all_before_is_not_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "LONGEST_WAIT", 3600.0)
    logins = Logins()
    logins.begin("late", 9000.0)
    logins.begin("over", 999.0)
    await logins.until(1000.0)
    assert logins.closed == [("over", Close.POLICY)]
    logins.expiry.close()


async def test_a_connection_that_is_gone_is_forgotten() -> None:
    logins = Logins()
    gone = logins.begin("gone", 2000.0)
    logins.begin("there", 2000.0)
    logins.expiry.stop(gone)
    await logins.until(2000.0)
    assert logins.closed == [("there", Close.POLICY)]
    logins.expiry.close()
