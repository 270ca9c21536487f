"""Feeds: what operations answer, again and again, for the operators' pages that are open.

A feed is an event whose name says what is asked: the operation and, behind a question mark, its arguments as
JSON: ``clients.list?{"search":"ann"}``. The argument ``node`` asks that node alone, else all are asked.
While somebody is subscribed, the operation is performed every ``interval`` seconds, and what came of it is
emitted if it is news. Nothing is done for a feed that nobody looks at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from accounts.roles import VIEW_LIVE, VIEW_RECORDS, VIEW_RULES
from cluster.operations import OperationError, Operator, Outcome
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from pubsub.connection import Connection
from pubsub.subscriptions import Subscriptions

log = logging.getLogger("deepstream.operators")

TIMEOUT = 3.0
"""Seconds that a node may take to answer."""

SHARE = 10
"""A feed rests at least this many times as long as its operation took."""

MOST_FEEDS = 200
"""Different feeds at the same time."""

MOST_OF_ONE = 20
"""Feeds of one connection."""


class Offer(NamedTuple):
    """An operation that there may be feeds of, for those with ``permission``.

    One that ``follows`` answers what is new since the number ``after``, and in ``last`` up to where.
    """

    permission: str
    interval: float = 0.5
    follows: bool = False


OFFERS: dict[str, Offer] = {
    "nodes.status": Offer(VIEW_LIVE, interval=1.0),
    "clients.list": Offer(VIEW_LIVE),
    "clients.get": Offer(VIEW_LIVE),
    "clients.closed": Offer(VIEW_LIVE),
    "clients.tail": Offer(VIEW_LIVE, follows=True),
    "events.names": Offer(VIEW_LIVE),
    "records.names": Offer(VIEW_LIVE),
    "rpc.names": Offer(VIEW_LIVE),
    "presence.online": Offer(VIEW_LIVE),
    "listening.patterns": Offer(VIEW_LIVE),
    "record.read": Offer(VIEW_RECORDS),
    "records.watchers": Offer(VIEW_RECORDS),
    "rules.denials": Offer(VIEW_RULES),
}
"""What there may be feeds of."""


class Feed:
    """One running feed; ``latest`` is what was last emitted."""

    __slots__ = ("_after", "_arguments", "_node", "_offer", "_operation", "latest", "name", "task")

    def __init__(self, name: str, operation: str, offer: Offer, arguments: dict[str, Any]) -> None:
        self.name = name
        self.latest: str | None = None
        self.task: asyncio.Task[None] | None = None
        self._operation = operation
        self._offer = offer
        self._node = arguments.pop("node", None)
        self._arguments = arguments
        self._after: Any = None

    async def run(self, operator: Operator, publish: Any) -> None:
        """Ask and emit until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            answer = await self._ask(operator)
            if (is_news := self._is_news(answer)) is not None:
                publish(self, is_news)
            await asyncio.sleep(max(self._offer.interval, SHARE * (clock() - began)))

    async def _ask(self, operator: Operator) -> dict[str, Any]:
        arguments = self._arguments if self._after is None else {**self._arguments, "after": self._after}
        outcomes: Mapping[str, Outcome]
        try:
            if self._node is None:
                outcomes = await operator.perform_everywhere(self._operation, arguments, timeout=TIMEOUT)
            else:
                outcomes = {self._node: await self._ask_one(operator, arguments)}
        except OperationError as error:
            return {"nodes": {}, "failed": {"": error.text}}
        return {
            "nodes": {node: one.value for node, one in outcomes.items() if one.error is None},
            "failed": {node: one.error.text for node, one in outcomes.items() if one.error is not None},
        }

    async def _ask_one(self, operator: Operator, arguments: Mapping[str, Any]) -> Outcome:
        try:
            async with asyncio.timeout(TIMEOUT):
                value = await operator.perform(self._operation, arguments, node=self._node, timeout=TIMEOUT)
        except OperationError as error:
            return Outcome(error=error)
        except TimeoutError:
            return Outcome(error=OperationError("timeout", f"No answer within {TIMEOUT:g} s."))
        return Outcome(value)

    def _is_news(self, answer: dict[str, Any]) -> str | None:
        """``answer`` as text, None if everybody has it already."""
        text = orjson.dumps(answer).decode()
        if self._offer.follows and (values := list(answer["nodes"].values())):
            before, self._after = self._after, values[0]["last"]
            return None if before == self._after else text
        return None if text == self.latest else text


class Feeds:
    """All feeds of this node's operators."""

    def __init__(self, operator: Operator, offers: Mapping[str, Offer] = OFFERS) -> None:
        self.subscriptions = Subscriptions(on_last=self._stop)
        self._operator = operator
        self._offers = offers
        self._feeds: dict[str, Feed] = {}

    def __len__(self) -> int:
        return len(self._feeds)

    def problem(self, connection: Connection, name: str) -> str | None:
        """Why ``connection`` may not have the feed ``name``, None if it may."""
        try:
            operation, _ = read_name(name)
        except ValueError as error:
            return str(error)
        offer = self._offers.get(operation)
        if offer is None:
            return f"there is no feed of {operation!r}"
        if offer.permission not in connection.user.server_data["permissions"]:
            return f"this takes the permission {offer.permission}"
        if name not in self._feeds and len(self._feeds) >= MOST_FEEDS:
            return f"{MOST_FEEDS} feeds run already"
        if len(self.subscriptions.of(connection)) >= MOST_OF_ONE:
            return f"a page has {MOST_OF_ONE} feeds at most"
        return None

    def add(self, connection: Connection, name: str) -> bool:
        """Let ``connection`` have the feed ``name``, for which ``problem`` found nothing."""
        if not self.subscriptions.add(connection, name):
            return False
        feed = self._feeds.get(name)
        if feed is None:
            self._start(name)
        elif feed.latest is not None:
            connection.send(_event(name, feed.latest))
        return True

    def close(self) -> None:
        """End all feeds."""
        for name in list(self._feeds):
            self._stop(name)

    def _start(self, name: str) -> None:
        operation, arguments = read_name(name)
        feed = self._feeds[name] = Feed(name, operation, self._offers[operation], arguments)
        feed.task = asyncio.get_running_loop().create_task(self._run(feed))

    async def _run(self, feed: Feed) -> None:
        try:
            await feed.run(self._operator, self._publish)
        except Exception:
            log.exception("The feed %s failed", feed.name)
            self._publish(feed, '{"nodes":{},"failed":{"":"The server made a mistake; its log says which."}}')

    def _stop(self, name: str) -> None:
        feed = self._feeds.pop(name, None)
        if feed is not None and feed.task is not None:
            feed.task.cancel()

    def _publish(self, feed: Feed, text: str) -> None:
        feed.latest = text
        self.subscriptions.publish(_event(feed.name, text))


def read_name(name: str) -> tuple[str, dict[str, Any]]:
    """Operation and arguments in the name of a feed; raises ValueError."""
    operation, mark, text = name.partition("?")
    if not mark:
        return operation, {}
    try:
        arguments = orjson.loads(text)
    except ValueError:
        raise ValueError("behind the question mark there must be JSON") from None
    if not isinstance(arguments, dict):
        raise ValueError("behind the question mark there must be a JSON object")
    return operation, arguments


def _event(name: str, text: str) -> Message:
    return Message(Topic.EVENT, EventAction.EMIT, name=name, data=text)
