"""What the reference server does otherwise where it takes more than a field to say so."""

from __future__ import annotations

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction as Event
from deepstream_protocol.topics import RecordAction as Record
from deepstream_protocol.topics import RpcAction as Rpc
from deepstream_protocol.topics import Topic
from tests.reference.changes import Theirs, altered
from tests.reference.script import A, Actor, Gets, IsClosed, Sends, Step


def written(step: Step, _: Message | None) -> Theirs | None:
    """Subscribers are told that no acknowledgement is wanted."""
    writes = (Record.UPDATE, Record.PATCH, Record.ERASE)
    if isinstance(step, Gets) and step.message.topic == Topic.RECORD and step.message.action in writes:
        return altered(step, is_write_ack=False)
    return None


def erasure(step: Step, _: Message | None) -> Theirs | None:
    """An erasure becomes a patch on its way."""
    if isinstance(step, Gets) and step.message.topic == Topic.RECORD:
        if step.message.action == Record.ERASE:
            return altered(step, action=int(Record.PATCH))
        if step.message.original_action == Record.ERASE:
            return altered(step, original_action=int(Record.PATCH))
    return None


def closed_without_a_code(step: Step, _: Message | None) -> Theirs | None:
    """A close frame is empty, which clients see as 1005."""
    policy = isinstance(step, IsClosed) and step.code in (1003, 1008)
    return (step.actor.is_closed(1005),) if policy else None


def plain_ack(step: Gets) -> Theirs:
    """What an unsubscription of a single name is answered with there."""
    ours = step.message
    return (Gets(step.actor, Message(ours.topic, ours.original_action or 0, is_ack=True)),)


def unknown_answer(actor: Actor, id: str) -> Step:
    """What a provider gets whose call is over already."""
    fields = {"name": "f", "id": id, "original_action": int(Rpc.RESPONSE), "is_error": True}
    return actor.gets(Rpc.INVALID_RPC_CORRELATION_ID, **fields)


def of_an_upsert(step: Step, _: Message | None) -> Theirs | None:
    """Errors speak of the update or patch that an upsert is there."""
    inner = {int(Record.CREATEANDUPDATE): int(Record.UPDATE), int(Record.CREATEANDPATCH): int(Record.PATCH)}
    refusals = (Record.VERSION_EXISTS, Record.INVALID_VERSION, Record.INVALID_MESSAGE_DATA)
    if isinstance(step, Gets) and step.message.topic == Topic.RECORD and step.message.action in refusals:
        action = step.message.original_action or 0
        return altered(step, original_action=inner.get(action, action))
    return None


def in_vain(step: Step, asked: Message | None) -> Theirs | None:
    """Somebody accepts what nobody offered."""
    accepts = {(Topic.EVENT, Event.LISTEN_ACCEPT), (Topic.RECORD, Record.LISTEN_ACCEPT)}
    released = (Event.SUBSCRIPTION_FOR_PATTERN_REMOVED, Record.SUBSCRIPTION_FOR_PATTERN_REMOVED)
    in_answer = asked is not None and (asked.topic, asked.action) in accepts
    return () if in_answer and isinstance(step, Gets) and step.message.action in released else None


def acknowledged_before_denied(step: Step, _: Message | None) -> Theirs | None:
    """The acknowledgement comes first and names what is denied as well."""
    if not isinstance(step, Gets):
        return None
    if step.message.action == Record.MESSAGE_DENIED:
        ack = A.gets(Record.SUBSCRIBECREATEANDREAD, names=["no/2", "dyes1"], id="1", is_ack=True)
        return (ack, step)
    return () if step.message.is_ack else None


def passed_on(step: Step, asked: Message | None) -> Theirs | None:
    """Instead of an error to the sender, A gets the event."""
    refused = (Topic.EVENT, Event.INVALID_MESSAGE_DATA)
    if not isinstance(step, Gets) or asked is None or (step.message.topic, step.message.action) != refused:
        return None
    return (A.gets(Event.EMIT, name="e", data=asked.data),)


def without_ack(step: Step, _: Message | None) -> Theirs | None:
    """An acknowledgement to a JSON client does not say that it is one."""
    json = isinstance(step, Gets) and step.actor.wire == "json" and step.message.is_ack
    return altered(step, is_ack=None) if json and isinstance(step, Gets) else None


def forwarded_as_json(step: Step, _: Message | None) -> Theirs | None:
    """Messages between clients; JSON shows the empty fields that the server has in mind."""
    forwarded = ((Topic.EVENT, Event.EMIT), (Topic.RECORD, Record.PATCH), (Topic.RPC, Rpc.REQUEST))
    if not (isinstance(step, Gets) and step.actor.wire == "json"):
        return None
    if (step.message.topic, step.message.action) not in forwarded:
        return None
    return altered(step, names=[], versions={} if step.message.topic == Topic.RECORD else None)


def not_asked(step: Step, _: Message | None) -> Theirs | None:
    """The next listener, B, is not asked, so it does not accept, and nobody hears of a provider."""
    if isinstance(step, Gets | Sends) and step.message.topic in (Topic.EVENT, Topic.RECORD):
        after = (
            (Event.SUBSCRIPTION_FOR_PATTERN_FOUND, Event.LISTEN_ACCEPT),
            (Record.SUBSCRIPTION_FOR_PATTERN_FOUND, Record.LISTEN_ACCEPT, Record.SUBSCRIPTION_HAS_PROVIDER),
        )[step.message.topic == Topic.RECORD]
        return () if step.actor != A and step.message.action in after else None
    return None
