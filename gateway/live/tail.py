"""The live tail of one client's messages, which costs nothing while nobody looks.

While somebody does, a codec that takes notes stands in the place of the connection's own. Who reads the
notes keeps it there; when nobody has for LEASE seconds, the connection gets its own codec back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import time
from typing import Any

from cluster.operations import OperationError
from deepstream_protocol.errors import ProtocolError
from deepstream_protocol.message import Message
from deepstream_protocol.topics import ACTIONS, Topic
from pubsub.connection import Codec, Connection, Frame
from pubsub.user import ANONYMOUS

LEASE = 10.0
"""Seconds that a tail goes on without being read."""

KEPT = 500
"""Messages that wait to be read; the oldest give way."""

PAYLOAD = 2000
"""Characters that are kept of a message's data."""

NAMES = 20
"""Names that are kept of a bulk message."""

HIDDEN = {"data", "requestor_data", "url"}
"""What is shown only to who asks for payloads."""

MOST = 20
"""Clients that are tailed at the same time."""


class TailCodec:
    """A connection's codec, with notes of what comes by."""

    __slots__ = ("_codec", "_notes", "_number", "binary", "name", "read_at")

    def __init__(self, codec: Codec, now: float) -> None:
        self.name = codec.name
        self.binary = codec.binary
        self.read_at = now
        self._codec = codec
        self._number = 0
        self._notes: deque[dict[str, Any]] = deque(maxlen=KEPT)

    @property
    def codec(self) -> Codec:
        """The connection's own."""
        return self._codec

    def decode(self, payload: Any) -> list[Message]:
        """The messages of a frame from the client."""
        try:
            messages = self._codec.decode(payload)
        except ProtocolError as error:
            self._note("in", len(payload), {"topic": "", "action": "UNREADABLE", "text": str(error)[:200]})
            raise
        for message in messages:
            self._note("in", len(payload) if len(messages) == 1 else None, _told(message))
        return messages

    def frame(self, message: Message) -> Frame:
        """A message to the client."""
        frame = self._codec.frame(message)
        if frame:  # else the client's wire has no words for it
            self._note("out", len(frame), _told(message))
        return frame

    def joined(self, frames: list[Frame]) -> list[Frame]:
        """As the connection's own codec joins them."""
        return self._codec.joined(frames)

    def read(self, after: int, *, with_payload: bool) -> dict[str, Any]:
        """The notes behind the ``after``-th, and how many of those had to give way."""
        notes = [note for note in self._notes if note["number"] > after]
        if not with_payload:
            notes = [{key: value for key, value in note.items() if key not in HIDDEN} for note in notes]
        return {
            "last": self._number,
            "missed": max(0, self._number - after - len(notes)) if after else 0,
            "messages": notes,
        }

    def _note(self, way: str, size: int | None, told: dict[str, Any]) -> None:
        self._number += 1
        self._notes.append(
            {"number": self._number, "at": round(time() * 1000), "way": way, "size": size, **told}
        )


class Tails:
    """The tails of this node; one timer ends those that nobody reads."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        """Set when the last tail ended."""
        self._tails: dict[Connection, TailCodec] = {}
        self._timer: asyncio.TimerHandle | None = None

    def read(self, connection: Connection, after: int, *, with_payload: bool) -> dict[str, Any]:
        """What ``connection`` sent and was sent since the ``after``-th message; the first time nothing."""
        loop = asyncio.get_running_loop()
        tail = self._tails.get(connection)
        if tail is None:
            tail = self._begin(connection, loop)
        tail.read_at = loop.time()
        return tail.read(after, with_payload=with_payload)

    def close(self) -> None:
        """End all tails."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in list(self._tails):
            self._end(connection)

    def __len__(self) -> int:
        return len(self._tails)

    def _begin(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> TailCodec:
        if connection.user is ANONYMOUS:
            raise OperationError("invalid", "This client has not logged in yet.")
        if len(self._tails) >= MOST:
            raise OperationError(
                "refused", f"{MOST} clients are being tailed already: close one of those pages."
            )
        tail = self._tails[connection] = TailCodec(connection.codec, loop.time())
        connection.codec = tail
        self.ended.clear()
        if self._timer is None:
            self._timer = loop.call_later(LEASE, self._sweep)
        return tail

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        latest = loop.time() - LEASE
        for connection, tail in list(self._tails.items()):
            if tail.read_at <= latest or connection.closed:
                self._end(connection)
        self._timer = loop.call_later(LEASE, self._sweep) if self._tails else None

    def _end(self, connection: Connection) -> None:
        tail = self._tails.pop(connection)
        if connection.codec is tail:
            connection.codec = tail.codec
        if not self._tails:
            self.ended.set()


def _told(message: Message) -> dict[str, Any]:
    """A message as it is shown; what it carries is cut to a bound."""
    told = message.fields()
    told["topic"], told["action"] = _words(message.topic, message.action)
    if message.original_action is not None:
        topic = message.topic if message.original_topic is None else message.original_topic
        told.pop("original_topic", None)
        told["original_action"] = " ".join(_words(topic, message.original_action))
    for key in ("data", "requestor_data"):
        if (text := told.get(key)) is not None and len(text) > PAYLOAD:
            told[key] = f"{text[:PAYLOAD]}…"
    if (names := told.get("names")) is not None and len(names) > NAMES:
        told["names"] = [*names[:NAMES], f"… and {len(names) - NAMES} more"]
    told.pop("versions", None)
    return told


def _words(topic: int, action: int) -> tuple[str, str]:
    try:
        return Topic(topic).name, ACTIONS[Topic(topic)](action).name
    except (ValueError, KeyError):
        return str(topic), str(action)
