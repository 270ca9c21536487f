"""Carrying out the commands of one HTTP request (PROTOCOL.md section 10)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Hashable, Iterable, Sequence

from deepstream_protocol.message import Message
from gateway.caller import Caller
from gateway.http.commands import Command
from gateway.http.replies import FAULT, TIMED_OUT, Reply

log = logging.getLogger("deepstream.http")

MAX_LANES = 1000
"""Lanes of one request whose commands wait for answers at the same time."""

STRETCH = 50
"""Commands of one lane that are sent without a wait for their answers, or for others to have their turn."""


class Batch:
    """The commands of a request and the replies to them; ``caller`` makes who sends those of one lane."""

    def __init__(self, commands: Sequence[Command], caller: Callable[[], Caller]) -> None:
        self._commands = commands
        self._caller = caller
        self._replies: list[Reply] = [TIMED_OUT] * len(commands)

    async def run(self, timeout: float) -> list[Reply]:
        """The replies, in the order of the commands; ``timeout`` in seconds is for all of them together.

        Commands that were sent are not taken back when it is over, or when the client is gone.
        """
        lanes = self._lanes()
        left = iter(lanes)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout), asyncio.TaskGroup() as group:
                for _ in range(min(len(lanes), MAX_LANES)):
                    group.create_task(self._work(left))
        return self._replies

    def _lanes(self) -> list[list[int]]:
        """The positions of the commands, by lane."""
        lanes: dict[Hashable, list[int]] = {}
        for position, command in enumerate(self._commands):
            lanes.setdefault(command.lane, []).append(position)
        return list(lanes.values())

    async def _work(self, left: Iterable[list[int]]) -> None:
        """Take lane after lane of those that are ``left``."""
        for lane in left:
            caller = self._caller()
            for start in range(0, len(lane), STRETCH):
                await self._send(caller, lane[start : start + STRETCH])
                await asyncio.sleep(0)

    async def _send(self, caller: Caller, positions: Sequence[int]) -> None:
        """Send these commands one behind the other, then collect their answers."""
        asked = [(position, await self._ask(caller, position)) for position in positions]
        for position, answer in asked:
            if answer is not None:
                self._replies[position] = self._commands[position].reply(await answer)

    async def _ask(self, caller: Caller, position: int) -> asyncio.Future[Message | None] | None:
        """None if the server made a mistake: it is this command's alone."""
        command = self._commands[position]
        try:
            return await caller.ask(command.message, command.answers)
        except Exception:
            message = command.message
            extra = {"about": message}
            log.exception("A command failed, topic %d action %d", message.topic, message.action, extra=extra)
            self._replies[position] = FAULT
            return None
