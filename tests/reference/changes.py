"""Ways to say what the reference does in the place of a step of a script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deepstream_protocol.message import Message
from deepstream_protocol.topics import Topic
from tests.reference.script import Gets, Step

Theirs = tuple[Step, ...]
Change = Callable[[Step, Message | None], Theirs | None]
"""What the reference does in the place of a step; None if that step is no different there.

The second argument is what the step's actor sent last, for answers that have fields of the question.
"""


def instead(ours: Step, *theirs: Step) -> Change:
    """Exactly this step is another one there, or several, or none."""
    return lambda step, _: theirs if step == ours else None


def got(action: int, topic: Topic, change: Callable[[Gets], Theirs]) -> Change:
    """A message of this topic and action is received otherwise there."""

    def changed(step: Step, _: Message | None) -> Theirs | None:
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


def lacks(*fields: str, of: list[tuple[Topic, int]]) -> Change:
    """Messages of these topics and actions have none of ``fields`` there."""

    def changed(step: Step, _: Message | None) -> Theirs | None:
        if isinstance(step, Gets) and (step.message.topic, step.message.action) in of:
            return altered(step, **dict.fromkeys(fields))
        return None

    return changed


def repeats(*fields: str, of: list[int]) -> Change:
    """Answers about records repeat these fields of the question there, absent where they were absent."""

    def changed(step: Step, asked: Message | None) -> Theirs | None:
        about_records = isinstance(step, Gets) and step.message.topic == Topic.RECORD
        if about_records and isinstance(step, Gets) and step.message.action in of:
            return altered(step, **{field: getattr(asked, field) for field in fields})
        return None

    return changed
