"""Messages in and out of Google's protobuf, to compare the binary codec with."""

from __future__ import annotations

from typing import Any

from deepstream_protocol.message import FIELDS, Message
from deepstream_protocol.schema import SCHEMA, Kind
from deepstream_protocol.topics import Topic


class GoogleWire:
    """Reads and writes frames with the classes that protoc made of ``deepstream.proto``."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def type_of(self, topic: int) -> Any:
        """The class of a topic's message: RECORD is ``RecordMessage``."""
        return getattr(self.module, f"{Topic(topic).name.capitalize()}Message")

    def write(self, message: Message) -> bytes:
        """``message`` as a frame."""
        return self.frame(message.topic, self.body(message))

    def frame(self, topic: int, body: bytes) -> bytes:
        """A frame about ``topic`` with these bytes as its message."""
        outer: bytes = self.module.Message(topic=topic, message=body).SerializeToString()
        return self._length(len(outer)) + outer

    def body(self, message: Message) -> bytes:
        """The topic's own message; a field that the topic does not have is left out."""
        inner = self.type_of(message.topic)()
        known = {field.attribute for field in SCHEMA[message.topic]}
        for attribute in message.fields().keys() & known:
            self._set(inner, attribute, getattr(message, attribute))
        written: bytes = inner.SerializeToString(deterministic=True)
        return written

    @staticmethod
    def _set(inner: Any, attribute: str, value: Any) -> None:
        if attribute == "names":
            inner.names.extend(value)
        elif attribute == "versions":
            inner.versions.update(value)
        else:
            setattr(inner, FIELDS.get(attribute, attribute), value)

    def read(self, payload: bytes) -> Message:
        """The first message of a frame; raises what Google raises."""
        size, start = self._read_length(payload)
        if start + size > len(payload):
            raise ValueError("cut off")
        outer = self.module.Message.FromString(payload[start : start + size])
        inner = self.type_of(outer.topic).FromString(outer.message)
        message = Message(outer.topic, inner.action)
        for field in SCHEMA[outer.topic]:
            if (value := self._value(inner, field.attribute, field.kind)) is not None:
                setattr(message, field.attribute, value)
        return message

    @staticmethod
    def _value(inner: Any, attribute: str, kind: Kind) -> Any:
        wire_name = FIELDS.get(attribute, attribute)
        value = getattr(inner, wire_name)
        if kind is Kind.STRINGS:
            return list(value) or None
        if kind is Kind.COUNTS:
            return dict(value) or None
        return value if inner.HasField(wire_name) else None

    @staticmethod
    def _length(size: int) -> bytes:
        out = bytearray()
        while size > 127:
            out.append(size % 128 + 128)
            size //= 128
        return bytes([*out, size])

    @staticmethod
    def _read_length(payload: bytes) -> tuple[int, int]:
        size = 0
        for at, byte in enumerate(payload):
            size += (byte % 128) << 7 * at
            if byte < 128:
                return size, at + 1
        raise ValueError("cut off")
