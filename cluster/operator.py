"""Operations in a cluster: at this node, at another one, or at all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from itertools import count
from typing import Any

import orjson

from cluster.members import Members
from cluster.operations import OperationError, Outcome, Perform, within

MAX_QUESTIONS = 1000
"""Operations that processes which are no nodes may have under way here at once."""

TELLING = 10.0
"""Seconds for which other nodes are waited for that were told something."""


class ClusterOperator:
    """The operator of a node among others; it answers their questions as well, and those of processes
    that are no nodes.
    """

    def __init__(self, members: Members, perform: Perform) -> None:
        self._members = members
        self._perform = perform
        self._numbers = count()
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        members.on_item("question", self._on_question)
        members.on_item("answer", self._on_answer)
        members.on_outside_question(self._on_outside_question)

    def close(self) -> None:
        """Carry out nothing more."""
        for task in self._tasks:
            task.cancel()

    async def perform(
        self, operation: str, arguments: Mapping[str, Any], *, node: str | None, timeout: float
    ) -> Any:
        """See ``Operator.perform``; ``node`` may be its name, its id, or both as below."""
        if node in (None, self._members.bus.name, self._members.id):
            return (await within(timeout, self._perform(operation, arguments))).get()
        for id, peer in self._members.bus.peers.items():
            if node in (id, peer.name, f"{peer.name} ({id})"):
                return (await within(timeout, self._ask(id, operation, arguments))).get()
        raise OperationError("not-found", f"There is no node {node!r}.")

    async def perform_everywhere(
        self, operation: str, arguments: Mapping[str, Any], *, timeout: float
    ) -> Mapping[str, Outcome]:
        """See ``Operator.perform_everywhere``."""
        asked: dict[str, Awaitable[Outcome]] = {self._members.bus.name: self._perform(operation, arguments)}
        for id, peer in self._members.bus.peers.items():
            name = peer.name if peer.name not in asked else f"{peer.name} ({id})"
            asked[name] = self._ask(id, operation, arguments)
        outcomes = await asyncio.gather(*(within(timeout, outcome) for outcome in asked.values()))
        return dict(zip(asked, outcomes, strict=True))

    def tell_others(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Have it done at every other node, whatever comes of it."""
        for id in self._members.bus.peers:
            self._start(self._tell(id, operation, arguments))

    async def _tell(self, node: str, operation: str, arguments: Mapping[str, Any]) -> None:
        await within(TELLING, self._ask(node, operation, arguments))

    async def _ask(self, node: str, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        encoded = orjson.dumps(arguments)
        self._members.bus.send(node, ["question", number, operation, encoded], len(encoded))
        try:
            return await answer
        finally:
            del self._waiting[number]

    def _on_question(self, node: str, number: int, operation: str, arguments: bytes) -> None:
        self._start(self._answer(node, number, operation, orjson.loads(arguments)))

    async def _answer(self, node: str, number: int, operation: str, arguments: Mapping[str, Any]) -> None:
        encoded = (await self._perform(operation, arguments)).encode()
        self._members.bus.send(node, ["answer", number, encoded], len(encoded))

    def _on_answer(self, node: str, number: int, encoded: bytes) -> None:
        answer = self._waiting.get(number)
        if answer is not None and not answer.done():
            answer.set_result(Outcome.decode(encoded))

    def _on_outside_question(self, question: Mapping[str, Any]) -> None:
        if len(self._tasks) < MAX_QUESTIONS:
            self._start(self._answer_outside(question))

    async def _answer_outside(self, question: Mapping[str, Any]) -> None:
        operation, timeout = question["operation"], question["timeout"]
        arguments = orjson.loads(question["arguments"])
        if question["everywhere"]:
            outcomes = await self.perform_everywhere(operation, arguments, timeout=timeout)
            answer = {name: outcome.encode() for name, outcome in outcomes.items()}
        else:
            answer = {self._members.id: await self._outcome(operation, arguments, question["node"], timeout)}
        message = {
            "type": "deepstream.answer",
            "id": question["id"],
            "from": self._members.id,
            "outcomes": answer,
        }
        await self._members.bus.reply(question["reply"], message)

    async def _outcome(
        self, operation: str, arguments: Mapping[str, Any], node: str | None, timeout: float
    ) -> bytes:
        try:
            outcome = Outcome(await self.perform(operation, arguments, node=node, timeout=timeout))
        except OperationError as error:
            outcome = Outcome(error=error)
        return outcome.encode()

    def _start(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
