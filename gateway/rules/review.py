"""Asking the rules again about what clients hold: subscriptions, provided RPCs and listened patterns.

VALVE.md, last paragraph: after new rules came into force, what they refuse is taken away and the client told.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic
from gateway.dispatch import denied
from gateway.node import Node
from gateway.session import Session
from permissions.verdict import Permissions
from presence.handler import EVERYBODY
from pubsub.connection import Connection
from pubsub.user import ANONYMOUS

BREATH = 50
"""Connections that are looked at before others get their turn in the event loop."""

LONGEST_WAIT = 30.0
"""Seconds that messages which were allowed before may take; the store's own timeouts are shorter."""


class _Held(NamedTuple):
    """Something a client holds, as the message that asks for it, and how it is taken away."""

    request: Message
    revoke: Callable[[str], object]


async def review(node: Node, rules: Permissions) -> str:
    """Take from every client what ``rules`` refuse it; returns a text that says how much that was.

    A message that was allowed before ``rules`` came may still wait for a record and subscribe after it was
    looked for: such connections are looked at once more when it is done.
    """
    sessions = [session for session in node.sessions() if session.connection.user is not ANONYMOUS]
    busy = {session: session.waiting for session in sessions if session.waiting is not None}
    revoked = await _review_all(node, rules, sessions)
    if busy:
        await asyncio.wait(busy.values(), timeout=LONGEST_WAIT)
        revoked += await _review_all(node, rules, busy)
    return f"{revoked} subscriptions of {len(sessions)} clients refused"


async def _review_all(node: Node, rules: Permissions, sessions: Iterable[Session]) -> int:
    revoked = 0
    for count, session in enumerate(sessions, 1):
        if not session.connection.closed:
            revoked += await _review_one(node, rules, session.connection)
        if count % BREATH == 0:
            await asyncio.sleep(0)
    return revoked


async def _review_one(node: Node, rules: Permissions, connection: Connection) -> int:
    revoked = 0
    for held in list(_held_by(node, connection)):
        verdict = rules.check(connection.user, held.request)
        if inspect.isawaitable(verdict):
            verdict = await verdict
        for name, denial in (verdict or {}).items():
            # While the rules waited for a record the client may have let go, or have gone.
            if held.revoke(name) and not connection.closed:
                connection.send(denied(held.request, denial, name))
                revoked += 1
    return revoked


def _held_by(node: Node, connection: Connection) -> Iterator[_Held]:
    """One bulk message for each kind of subscription; one for each pattern."""
    bulk = (
        (Topic.EVENT, EventAction.SUBSCRIBE, node.events.subscriptions),
        (Topic.RECORD, RecordAction.SUBSCRIBE, node.records.subscriptions),
        (Topic.RPC, RpcAction.PROVIDE, node.rpc.providers),
        (Topic.PRESENCE, PresenceAction.SUBSCRIBE, node.presence.by_user),
    )
    for topic, action, subscriptions in bulk:
        if names := list(subscriptions.of(connection)):
            yield _Held(Message(topic, action, names=names), partial(subscriptions.remove, connection))
    if node.presence.to_all.has(connection, EVERYBODY):
        everybody = Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE_ALL)
        yield _Held(everybody, lambda _: node.presence.to_all.remove(connection, EVERYBODY))
    for topic, action, listening in (
        (Topic.EVENT, EventAction.LISTEN, node.events.listening),
        (Topic.RECORD, RecordAction.LISTEN, node.records.listening),
    ):
        for pattern in listening.patterns_of(connection):
            yield _Held(Message(topic, action, name=pattern), partial(listening.withdraw, connection))
