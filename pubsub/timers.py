"""Waiting with a bound: one timer for any number of deadlines, and one for what comes back."""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Deadlines(Generic[Key]):
    """Keys that each have ``duration`` seconds; ``on_expired(key)`` is called for those who outlive it.

    All share the duration, so they expire in the order in which they were started: a dict is the
    queue, and a single timer waits for its head.
    """

    __slots__ = ("_duration", "_expiry", "_loop", "_on_expired", "_timer")

    def __init__(self, loop: AbstractEventLoop, duration: float, on_expired: Callable[[Key], None]) -> None:
        self._loop = loop
        self._duration = duration
        self._on_expired = on_expired
        self._expiry: dict[Key, float] = {}
        self._timer: TimerHandle | None = None

    def __contains__(self, key: Key) -> bool:
        return key in self._expiry

    def __len__(self) -> int:
        return len(self._expiry)

    def start(self, key: Key) -> None:
        """Give ``key`` the whole duration from now on, whether or not it was waiting."""
        expiry = self._expiry
        if key in expiry:
            del expiry[key]  # it goes behind all others
        expiry[key] = self._loop.time() + self._duration
        if self._timer is None:
            self._timer = self._loop.call_later(self._duration, self._sweep)

    def stop(self, key: Key) -> bool:
        """Wait for ``key`` no longer; False when it was not waiting."""
        return self._expiry.pop(key, None) is not None

    def close(self) -> None:
        """Forget every key and cancel the timer."""
        self._expiry.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self) -> None:
        self._timer = None
        now = self._loop.time()
        expired = []
        for key, expiry in self._expiry.items():
            if expiry > now:
                self._timer = self._loop.call_at(expiry, self._sweep)
                break
            expired.append(key)
        for key in expired:
            # An earlier callback may have stopped or restarted a later key.
            if self._expiry.get(key, now + 1) <= now:
                del self._expiry[key]
                self._on_expired(key)


class Every:
    """Calls ``callback()`` each ``interval`` seconds until closed."""

    __slots__ = ("_callback", "_interval", "_loop", "_timer")

    def __init__(self, loop: AbstractEventLoop, interval: float, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._interval = interval
        self._callback = callback
        self._timer = loop.call_later(interval, self._tick)

    def close(self) -> None:
        """Cancel the timer."""
        self._timer.cancel()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._interval, self._tick)
        self._callback()
