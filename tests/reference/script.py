"""The language of the scripts: who sends which message, and who must get which, step by step.

A script names the behaviour of this server; ``differences`` says where the reference does otherwise.
Its clients are the actors A to D, and J on the JSON wire; an actor that neither ``opens`` nor
``enters`` is logged in without login data before the first step. At the end every client must be quiet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import ACTIONS, Topic

_TOPICS: dict[type[IntEnum], Topic] = {actions: topic for topic, actions in ACTIONS.items()}


@dataclass(frozen=True)
class Sends:
    """The actor sends a message."""

    actor: Actor
    message: Message


@dataclass(frozen=True)
class SendsRaw:
    """The actor sends a frame as it is: binary from bytes, text from str."""

    actor: Actor
    frame: bytes | str


@dataclass(frozen=True)
class Gets:
    """The next message to the actor is this one, field by field."""

    actor: Actor
    message: Message


@dataclass(frozen=True)
class Opens:
    """The actor opens a socket and says nothing."""

    actor: Actor


@dataclass(frozen=True)
class Enters:
    """The actor opens a socket and logs in."""

    actor: Actor
    auth_data: dict[str, Any]


@dataclass(frozen=True)
class Leaves:
    """The actor closes its socket."""

    actor: Actor


@dataclass(frozen=True)
class IsClosed:
    """The server closes the actor's socket with this code; nothing comes before that."""

    actor: Actor
    code: int


@dataclass(frozen=True)
class IsQuiet:
    """Nothing was sent to the actor until now: a ping is answered next."""

    actor: Actor


@dataclass(frozen=True)
class Dies:
    """The server's process ends, and the script with it. Only the reference does that."""

    actor: Actor


Step = Sends | SendsRaw | Gets | Opens | Enters | Leaves | IsClosed | IsQuiet | Dies
Steps = Step | Iterable["Steps"]


@dataclass(frozen=True)
class Actor:
    """A client of a script, and the steps it can take."""

    label: str
    wire: str = "binary"

    def sends(self, action: IntEnum, **fields: Any) -> Step:
        """Send a message of the topic that ``action`` belongs to."""
        return Sends(self, message(action, **fields))

    def sends_raw(self, frame: bytes | str) -> Step:
        """Send any frame."""
        return SendsRaw(self, frame)

    def gets(self, action: IntEnum, **fields: Any) -> Step:
        """Receive exactly this message next."""
        return Gets(self, message(action, **fields))

    def opens(self) -> Step:
        """Open a socket, without challenge and login."""
        return Opens(self)

    def enters(self, **auth_data: Any) -> Step:
        """Log in with ``auth_data``."""
        return Enters(self, auth_data)

    def leaves(self) -> Step:
        """Close the socket."""
        return Leaves(self)

    def is_closed(self, code: int) -> Step:
        """Be closed by the server."""
        return IsClosed(self, code)

    def is_quiet(self) -> Step:
        """Have received nothing else."""
        return IsQuiet(self)

    def sees_the_server_die(self) -> Step:
        """Lose the connection with the server's process."""
        return Dies(self)


@dataclass(frozen=True)
class Script:
    """A behaviour in a sentence, and the steps that show it, on a server set up as ``setting``."""

    title: str
    steps: tuple[Step, ...]
    setting: str = "open"

    @property
    def actors(self) -> list[Actor]:
        """Everybody who takes part, in order of appearance."""
        return list(dict.fromkeys(step.actor for step in self.steps))


def script(title: str, *steps: Steps, setting: str = "open") -> Script:
    """A script of ``steps``, which may be nested."""
    return Script(title, tuple(_flat(steps)), setting)


def message(action: IntEnum, **fields: Any) -> Message:
    """A message with these fields; ``id`` is short for the correlation id, values in ``data`` become JSON."""
    if "id" in fields:
        fields["correlation_id"] = fields.pop("id")
    for key in ("data", "requestor_data"):
        if key in fields and not isinstance(fields[key], str):
            fields[key] = orjson.dumps(fields[key]).decode()
    return Message(_TOPICS[type(action)], int(action), **fields)


def asks(actor: Actor, action: IntEnum, *names: str, id: str = "bulk", **fields: Any) -> list[Steps]:
    """Send a bulk message about ``names`` and get its one acknowledgement, nothing before it."""
    return [
        actor.sends(action, names=list(names), id=id),
        actor.gets(action, id=id, is_ack=True, **fields),
    ]


def _flat(steps: Steps) -> Iterator[Step]:
    if isinstance(steps, Iterable):
        for step in steps:
            yield from _flat(step)
    else:
        yield steps


A, B, C, D = (Actor(label) for label in "ABCD")
J = Actor("J", wire="json")
