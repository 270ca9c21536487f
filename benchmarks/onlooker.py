"""A process that is no node: it sees what nodes count, and when all know all of each other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import Any, Self

import orjson

from benchmarks.nodes import Nodes
from cluster.bus import GROUP
from cluster.operations import Outcome

DEADLINE = 30.0
"""Seconds that the nodes may take to find each other."""

PATIENCE = 1.0
"""Seconds that they may take to answer a question."""


class Onlooker:
    """Asks every node to ask every node; as an async context manager it is connected while entered."""

    def __init__(self, nodes: Nodes) -> None:
        self._count = len(nodes.servers)
        self._layer = nodes.open_layer()
        self._rounds = count(1)
        self._channel = ""

    async def __aenter__(self) -> Self:
        self._channel = await self._layer.new_channel("benchmark")
        return self

    async def __aexit__(self, *_: object) -> None:
        await (self._layer.flush() if not hasattr(self._layer, "close_pools") else self._layer.close_pools())

    async def statuses(self) -> Mapping[str, Any]:
        """``nodes.status`` of every node, by its name, once all are there.

        Each of them has an answer of each other one then. Nothing overtakes between two nodes, so it knows
        everything that was said to it before this call.
        """
        async with asyncio.timeout(DEADLINE):
            while (found := await self._ask_all()) is None:
                pass
        return found

    async def totals(self) -> dict[str, int]:
        """What the buses of all nodes have counted, together."""
        counted = [status["bus"] for status in (await self.statuses()).values()]
        return {key: sum(each[key] for each in counted) for key in counted[0]}

    async def _ask_all(self) -> dict[str, Any] | None:
        number = next(self._rounds)
        hello, question = f"hello-{number}", f"question-{number}"
        await self._layer.group_send(GROUP, self._question(hello, "node.hello", everywhere=False))
        nodes = [answer["from"] for answer in await self._answers(hello)]
        if len(nodes) < self._count:
            return None
        for node in nodes:
            await self._layer.send(node, self._question(question, "nodes.status", everywhere=True))
        answers = await self._answers(question)
        if len(answers) < self._count or any(len(each["outcomes"]) < self._count for each in answers):
            return None
        outcomes = answers[-1]["outcomes"].items()
        return {name: Outcome.decode(encoded).get() for name, encoded in outcomes}

    async def _answers(self, id: str) -> list[dict[str, Any]]:
        """One from each node, or those that come in time."""
        found: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while len(found) < self._count:
                    answer = await self._layer.receive(self._channel)
                    if answer["id"] == id:
                        found.append(answer)
        except TimeoutError:
            pass
        return found

    def _question(self, id: str, operation: str, *, everywhere: bool) -> dict[str, Any]:
        return {
            "type": "deepstream.question",
            "id": id,
            "reply": self._channel,
            "operation": operation,
            "arguments": orjson.dumps({}),
            "node": None,
            "everywhere": everywhere,
            "timeout": PATIENCE,
        }
