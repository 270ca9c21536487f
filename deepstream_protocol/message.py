"""The message that all wire formats have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from .errors import ProtocolError

FIELDS: dict[str, str] = {
    "name": "name",
    "names": "names",
    "data": "data",
    "correlation_id": "correlationId",
    "is_ack": "isAck",
    "is_error": "isError",
    "is_write_ack": "isWriteAck",
    "version": "version",
    "path": "path",
    "versions": "versions",
    "subscription": "subscription",
    "pattern": "pattern",
    "original_topic": "originalTOPIC",
    "original_action": "originalAction",
    "requestor_name": "requestorName",
    "requestor_data": "requestorData",
    "url": "url",
    "protocol_version": "protocolVersion",
    "sdk_version": "sdkVersion",
    "sdk_type": "sdkType",
}
"""Every field but topic and action: its name here and its name on the wire."""

_HIDDEN: Final = ("binary", "_value")


class Message:
    """One deepstream message; a field that is ``None`` is absent, which is not the same as empty.

    ``data`` and ``requestor_data`` are JSON *text*; nobody parses them before a value is needed.
    Fields are class attributes with the default ``None`` instead of slots: making a message with
    the three or four fields it has then costs 0.15 µs, with twenty slots to fill 0.40 µs.
    """

    topic: int
    action: int
    name: str | None = None
    names: list[str] | None = None
    data: str | None = None
    correlation_id: str | None = None
    is_ack: bool | None = None
    is_error: bool | None = None
    is_write_ack: bool | None = None
    version: int | None = None
    path: str | None = None
    versions: dict[str, int] | None = None
    subscription: str | None = None
    pattern: str | None = None
    original_topic: int | None = None
    original_action: int | None = None
    requestor_name: str | None = None
    requestor_data: str | None = None
    url: str | None = None
    protocol_version: str | None = None
    sdk_version: str | None = None
    sdk_type: str | None = None
    binary: bytes | None = None
    """The payload this message came in over the binary wire, set only where it is, byte for byte,
    what other clients must get, so that it can be passed on without encoding. Not a field."""

    _value: Any = None

    def __init__(self, topic: int, action: int, **fields: Any) -> None:
        self.topic = topic
        self.action = action
        if fields:
            self.set(fields)

    def set(self, fields: Mapping[str, Any]) -> None:
        """Give the message more ``fields``, or other ones."""
        if _HAS_DICTIONARY:
            self.__dict__.update(fields)
            return
        for name, value in fields.items():
            setattr(self, name, value)

    def present(self) -> dict[str, Any]:
        """``fields`` as it is cheapest to say: also what is no field, and not to be changed."""
        return self.__dict__ if _HAS_DICTIONARY else self._collect()

    def _collect(self) -> dict[str, Any]:
        """Named one by one, which as machine code is a tenth of what a loop over the names would be."""
        present: dict[str, Any] = {"topic": self.topic, "action": self.action}
        if self.name is not None:
            present["name"] = self.name
        if self.names is not None:
            present["names"] = self.names
        if self.data is not None:
            present["data"] = self.data
        if self.correlation_id is not None:
            present["correlation_id"] = self.correlation_id
        if self.is_ack is not None:
            present["is_ack"] = self.is_ack
        if self.is_error is not None:
            present["is_error"] = self.is_error
        if self.is_write_ack is not None:
            present["is_write_ack"] = self.is_write_ack
        if self.version is not None:
            present["version"] = self.version
        if self.path is not None:
            present["path"] = self.path
        if self.versions is not None:
            present["versions"] = self.versions
        if self.subscription is not None:
            present["subscription"] = self.subscription
        if self.pattern is not None:
            present["pattern"] = self.pattern
        if self.original_topic is not None:
            present["original_topic"] = self.original_topic
        if self.original_action is not None:
            present["original_action"] = self.original_action
        if self.requestor_name is not None:
            present["requestor_name"] = self.requestor_name
        if self.requestor_data is not None:
            present["requestor_data"] = self.requestor_data
        if self.url is not None:
            present["url"] = self.url
        if self.protocol_version is not None:
            present["protocol_version"] = self.protocol_version
        if self.sdk_version is not None:
            present["sdk_version"] = self.sdk_version
        if self.sdk_type is not None:
            present["sdk_type"] = self.sdk_type
        if self.binary is not None:
            present["binary"] = self.binary
        if self._value is not None:
            present["_value"] = self._value
        return present

    def fields(self) -> dict[str, Any]:
        """Every field that is present, topic and action included."""
        present = self.present()
        return {key: value for key, value in present.items() if value is not None and key not in _HIDDEN}

    def value(self) -> Any:
        """What ``data`` stands for, parsed once; None also where there is no data.

        Raises ProtocolError for text that is no JSON.
        """
        if self._value is None and self.data is not None:
            try:
                self._value = orjson.loads(self.data)
            except ValueError as error:
                raise ProtocolError(f"data is no JSON: {error}") from None
        return self._value

    def has_readable_data(self) -> bool:
        """Whether ``data`` is JSON or absent: any other text would break the client that gets it."""
        if self.data is not None and self._value is None:
            try:
                self._value = orjson.loads(self.data)
            except ValueError:
                return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self.fields() == other.fields()

    def __repr__(self) -> str:
        return f"Message({', '.join(f'{key}={value!r}' for key, value in self.fields().items())})"


def _name_all_fields() -> None:
    """Make a message that has every field, before any other.

    CPython keeps attributes in a row of values beside the object as long as it knows their names from the
    first few objects of the class (since 3.11). Whichever message has one that came later gets a dictionary
    instead: 0.36 µs for a message of six fields, made and read, instead of 0.23.
    """
    first = Message(0, 0)
    for name in (*FIELDS, *_HIDDEN):
        setattr(first, name, None)


_name_all_fields()

_HAS_DICTIONARY: Final = hasattr(Message(0, 0), "__dict__")
"""Not where it is compiled: then the attributes are those of a C structure."""


def _make(_kind: type[Message]) -> Message:
    return Message(0, 0)


new_message: Callable[[type[Message]], Message] = Message.__new__ if _HAS_DICTIONARY else _make
"""Called with ``Message``: one to be filled in. A call of ``__init__`` would cost the interpreter 0.1 µs."""
