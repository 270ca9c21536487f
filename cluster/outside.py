"""The operator of a process that is no node: it finds a live one through the channel layer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson

from cluster.bus import GROUP, Layer
from cluster.operations import OperationError, Outcome

SEARCH_TIMEOUT = 2.0
"""Seconds that a live node has to say that it is there."""


class Outside:
    """Asks all nodes who is there, and has the first one that answers do what is to be done."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer

    async def perform(
        self, operation: str, arguments: Mapping[str, Any], *, node: str | None, timeout: float
    ) -> Any:
        """See ``Operator.perform``."""
        question = {"operation": operation, "arguments": orjson.dumps(arguments), "node": node}
        (outcome,) = (await self._ask(question | {"everywhere": False}, timeout)).values()
        return outcome.get()

    async def perform_everywhere(
        self, operation: str, arguments: Mapping[str, Any], *, timeout: float
    ) -> Mapping[str, Outcome]:
        """See ``Operator.perform_everywhere``."""
        question = {"operation": operation, "arguments": orjson.dumps(arguments), "node": None}
        return await self._ask(question | {"everywhere": True}, timeout)

    async def _ask(self, question: dict[str, Any], timeout: float) -> dict[str, Outcome]:
        async with self._listening() as (channel, receive):
            hello = {"operation": "node.hello", "arguments": b"{}", "node": None, "everywhere": False}
            await self._layer.group_send(GROUP, _question("hello", channel, hello, SEARCH_TIMEOUT))
            try:
                async with asyncio.timeout(SEARCH_TIMEOUT):
                    node = (await receive("hello"))["from"]
            except TimeoutError:
                raise OperationError("no-server", "No deepstream server answers: is one running?") from None
            await self._layer.send(node, _question("question", channel, question, timeout))
            try:
                async with asyncio.timeout(timeout + SEARCH_TIMEOUT):
                    answer = await receive("question")
            except TimeoutError:
                raise OperationError("timeout", f"No answer within {timeout:g} s.") from None
        return {name: Outcome.decode(encoded) for name, encoded in answer["outcomes"].items()}

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[tuple[str, Any]]:
        """A channel of this call's own, and what takes the answer to one of its questions from there."""
        channel = await self._layer.new_channel("deepstream")
        is_given_back = False

        async def receive(id: str) -> dict[str, Any]:
            nonlocal is_given_back
            try:
                while (message := await self._layer.receive(channel))["id"] != id:
                    pass
            except asyncio.CancelledError:
                is_given_back = True
                raise
            return message

        try:
            yield channel, receive
        finally:
            # Cancelling a receive is how a channel of the pub/sub layer is given back.
            if not is_given_back:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0):
                        await self._layer.receive(channel)


def _question(id: str, channel: str, question: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    return {"type": "deepstream.question", "id": id, "reply": channel, "timeout": timeout, **question}
