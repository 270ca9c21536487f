"""A thread that makes one call after the other, for an event loop that must not wait for them.

It does what an executor with one worker does, for half the time on the loop's side of each call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_Call = tuple[asyncio.Future[Any], Callable[[Any], Any], Any]


class StoreThread:
    """Started by its first call. Each caller waits for its answer, so the queue is as long as these are many.

    ``on_end()`` is called in the thread before that ends.
    """

    def __init__(self, name: str, on_end: Callable[[], None]) -> None:
        self._name = name
        self._on_end = on_end
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._worker: Thread | None = None
        self._is_closed = False

    async def call(self, function: Callable[[Argument], Result], argument: Argument) -> Result:
        """What ``function(argument)`` returns or raises in the thread; not called if cancelled in time."""
        if self._is_closed:
            raise RuntimeError(f"{self._name} has ended")
        if self._worker is None:
            self._worker = Thread(target=self._run, name=self._name, daemon=True)
            self._worker.start()
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._calls.put((answer, function, argument))
        return await answer

    def close(self) -> None:
        """End the thread; waits for all calls that were made."""
        self._is_closed = True
        if self._worker is not None:
            self._calls.put(None)
            self._worker.join()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            answer, function, argument = call
            if answer.cancelled():
                continue
            result, error = None, None
            try:
                result = function(argument)
            except BaseException as fault:  # noqa: BLE001 - it is the caller's
                error = fault
            try:
                answer.get_loop().call_soon_threadsafe(_settle, answer, result, error)
            except RuntimeError:  # the loop is closed: nobody waits
                continue
        self._on_end()


def _settle(answer: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if answer.done():  # whoever asked has stopped waiting
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
