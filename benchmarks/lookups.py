"""Loads whose names are all different: reads and writes of many records, questions to many rules."""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.crowd import Crowd
from benchmarks.exchange import Asker, Askers, Request, saying
from benchmarks.figures import Figures
from benchmarks.load import Pace, body
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, RpcAction, Topic

ASKERS = 50
SEED = 7

MakeRequest = Callable[[int, random.Random], Request]
"""An asker's number and a source of chance, to what it asks."""


class Lookups:
    """50 clients that each ask, get one answer, and ask again."""

    operation = "question"

    def __init__(self, name: str, about: str, request: MakeRequest, answer: int) -> None:
        self.name = name
        self.about = about
        self._request = request
        self._answer = answer

    async def run(self, url: str, pid: int, pace: Pace) -> Figures:
        """See ``Load``."""
        async with Crowd(url) as crowd:
            chance = random.Random(SEED)
            clients = await crowd.clients(ASKERS)
            askers = [
                Asker(client, saying(self._request(number, chance)), (self._answer,))
                for number, client in enumerate(clients)
            ]

            async def faults() -> int:
                return crowd.lost

            return await Askers(askers).measured(pid, pace, faults)


def stored_name(number: int) -> str:
    """The name of a record that was there before the server started."""
    return f"bench/stored/{number:07}"


def reads(records: int) -> Lookups:
    """Reads of one record in ``records``, all equally likely."""

    def request(_: int, chance: random.Random) -> Request:
        return lambda number: Message(
            Topic.RECORD, RecordAction.READ, name=stored_name(chance.randrange(records))
        )

    return Lookups("reads", "", request, RecordAction.READ_RESPONSE)


def writes(records: int) -> Lookups:
    """Acknowledged patches of one record in ``records``, whatever its version."""

    def request(asker: int, chance: random.Random) -> Request:
        return lambda number: Message(
            Topic.RECORD,
            RecordAction.PATCH,
            name=stored_name(chance.randrange(records)),
            version=-1,
            path="value",
            data=body(f"#{number:010}"),
            correlation_id=f"{asker}-{number}",
            is_write_ack=True,
        )

    return Lookups("writes", "", request, RecordAction.WRITE_ACKNOWLEDGEMENT)


def questions(rules: int, *, fresh: bool) -> Lookups:
    """Calls, allowed by a rule, that nobody provides: each of a new name, or all of the same."""

    def request(asker: int, chance: random.Random) -> Request:
        def ask(number: int) -> Message:
            name = f"rule-{chance.randrange(rules)}/{asker}-{number}" if fresh else "rule-0/same"
            return Message(
                Topic.RPC, RpcAction.REQUEST, name=name, correlation_id=f"{asker}-{number}", data="1"
            )

        return ask

    return Lookups("questions", "", request, RpcAction.NO_RPC_PROVIDER)


def rules_document(rules: int) -> dict[str, object]:
    """A permissions document with that many rules for calls."""
    rule = {"provide": True, "request": "data !== null"}
    allowed = {"presence": {"*": {"allow": True}}, "event": {"*": {"publish": True, "subscribe": True}}}
    allowed["record"] = {"*": {"create": True, "write": True, "read": True, "delete": True}}
    rpc = {f"rule-{number}/*": rule for number in range(rules)}
    return {**allowed, "rpc": {"*": {"provide": False, "request": False}, **rpc}}
