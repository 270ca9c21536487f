"""The differences on purpose: what the reference server does where this one does what the scripts say.

Each has its reason and turns a script into the one the reference follows. A difference that the
reference no longer shows makes the scripts it changes fail, so the list cannot outlive its reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from deepstream_protocol.message import Message
from deepstream_protocol.topics import ConnectionAction as Connection
from deepstream_protocol.topics import EventAction as Event
from deepstream_protocol.topics import ParserAction as Parser
from deepstream_protocol.topics import PresenceAction as Presence
from deepstream_protocol.topics import RecordAction as Record
from deepstream_protocol.topics import RpcAction as Rpc
from deepstream_protocol.topics import Topic
from tests.reference.script import A, B, C, Dies, Gets, IsClosed, Script, Step

Theirs = tuple[Step, ...]
Change = Callable[[Step], Theirs | None]
"""What the reference does in the place of a step; None if that step is no different there."""


@dataclass(frozen=True)
class Difference:
    """A reason, and the change it makes in the scripts that have ``where`` in their titles."""

    reason: str
    change: Change
    where: tuple[str, ...] = ("",)
    but_not: tuple[str, ...] = ()

    def concerns(self, script: Script) -> bool:
        """Whether the change is to be made in ``script``."""
        title = script.title
        return any(part in title for part in self.where) and not any(part in title for part in self.but_not)


def as_the_reference_plays_it(script: Script, used: set[str] | None = None) -> Script:
    """``script`` with all differences made; ``used`` collects the reasons of those that changed something."""
    steps = script.steps
    for difference in DIFFERENCES:
        if difference.concerns(script):
            changed = tuple(_changed(steps, difference.change))
            if used is not None and changed != steps:
                used.add(difference.reason)
            steps = changed
    return Script(script.title, steps, script.setting)


def _changed(steps: tuple[Step, ...], change: Change) -> Iterator[Step]:
    for step in steps:
        theirs = change(step)
        yield from (step,) if theirs is None else theirs
        if theirs and isinstance(theirs[-1], Dies):
            return


def instead(ours: Step, *theirs: Step) -> Change:
    """Exactly this step is another one there, or several, or none."""
    return lambda step: theirs if step == ours else None


def got(action: int, topic: Topic, change: Callable[[Gets], Theirs]) -> Change:
    """A message of this topic and action is received otherwise there."""

    def changed(step: Step) -> Theirs | None:
        ours = isinstance(step, Gets) and (step.message.topic, step.message.action) == (topic, action)
        return change(step) if ours and isinstance(step, Gets) else None

    return changed


def altered(step: Gets, **fields: Any) -> Theirs:
    """The same message with other fields, ``None`` for one that is absent."""
    whole = {key: value for key, value in (step.message.fields() | fields).items() if value is not None}
    return (Gets(step.actor, Message(whole.pop("topic"), whole.pop("action"), **whole)),)


def dies(ours: Gets) -> Theirs:
    """The process ends in the place of an answer."""
    return (ours.actor.sees_the_server_die(),)


def _written(step: Step) -> Theirs | None:
    writes = (Record.UPDATE, Record.PATCH, Record.ERASE)
    if isinstance(step, Gets) and step.message.topic == Topic.RECORD and step.message.action in writes:
        return altered(step, is_write_ack=False)
    return None


def _erasure(step: Step) -> Theirs | None:
    if isinstance(step, Gets) and step.message.topic == Topic.RECORD:
        if step.message.action == Record.ERASE:
            return altered(step, action=int(Record.PATCH))
        if step.message.original_action == Record.ERASE:
            return altered(step, original_action=int(Record.PATCH))
    return None


def _closed_without_a_code(step: Step) -> Theirs | None:
    policy = isinstance(step, IsClosed) and step.code in (1003, 1008)
    return (step.actor.is_closed(1005),) if policy else None


def _plain_ack(step: Gets) -> Theirs:
    """What an unsubscription of a single name is answered with there."""
    ours = step.message
    return (Gets(step.actor, Message(ours.topic, ours.original_action or 0, is_ack=True)),)


DIFFERENCES = [
    Difference("a close frame without a code tells a client nothing", _closed_without_a_code),
    Difference("a written record says isWriteAck: false to those who asked for nothing", _written, but_not=("notification",)),
]
