"""What clients ask of a record, as steps of its transition (PROTOCOL.md section 5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from deepstream_protocol.message import Message
from deepstream_protocol.paths import PathError, Room
from deepstream_protocol.topics import RecordAction, Topic
from deepstream_protocol.writes import written
from pubsub.connection import Connection
from pubsub.replies import refusal
from records.names import name_problem
from records.state import ABSENT, RecordState, created
from records.storage import Entry, StoreError
from records.transition import Refused

UPSERTS: Final = {
    RecordAction.CREATEANDUPDATE: RecordAction.UPDATE,
    RecordAction.CREATEANDPATCH: RecordAction.PATCH,
}
"""Writes that create what is missing, and what subscribers see of them."""


_WHOLE: Final = frozenset(map(int, (RecordAction.UPDATE, RecordAction.CREATEANDUPDATE)))
"""Writes that replace all of the data, whatever it was."""

_RECORD: Final = int(Topic.RECORD)
_ACKNOWLEDGEMENT: Final = int(RecordAction.WRITE_ACKNOWLEDGEMENT)

_NULL_SIZE: Final = len("null,")

MAX_SIZE = 4 * 1024 * 1024
"""Characters of a record: one patch is never large, but many could make what no client can take."""


class Records(Protocol):
    """What requests ask of the record handler once they are settled."""

    def is_heard(self, name: str, sender: Connection | None) -> bool:
        """Whether anybody but ``sender`` has to be told of a change."""

    def publish(self, message: Message, state: RecordState, sender: Connection | None) -> None:
        """Broadcast an accepted write that made ``state``."""

    def publish_deletion(self, name: str, sender: Connection | None) -> None:
        """Tell all but the sender that the record is gone, and unsubscribe everybody."""

    def judge(self, connection: Connection, message: Message) -> bool | Awaitable[bool]:
        """Ask the rules once more; the client is told if they refuse now."""


class Visit:
    """A look at a record behind all writes that came before; with ``creates``, it makes what is missing.

    Calls ``answer(name, state)``, or ``unreadable(name, error)`` when the store does not say (without an
    error: when there can be no such record), and ``done()``
    after either.
    """

    __slots__ = ("_answer", "_author", "_creates", "_done", "_name", "_unreadable")

    weight = 1

    def __init__(
        self,
        name: str,
        answer: Callable[[str, RecordState], None],
        unreadable: Callable[[str, StoreError | None], None],
        done: Callable[[], None],
        *,
        creates: bool,
        author: str = "",
    ) -> None:
        self._name = name
        self._answer = answer
        self._unreadable = unreadable
        self._done = done
        self._creates = creates
        self._author = author

    def apply(self, current: RecordState) -> RecordState:
        """See ``Write.apply``."""
        if current is not ABSENT or not self._creates:
            return current
        if name_problem(self._name):
            raise Refused(RecordAction.RECORD_CREATE_ERROR)
        return created()

    def apply_to_successor(self, current: RecordState) -> RecordState:
        """See ``Write.apply_to_successor``."""
        return self.apply(current)

    def entry(self, state: RecordState) -> Entry:
        """See ``Write.entry``: whoever came first made it."""
        return Entry(state.version, RecordAction.CREATE, self._author, None, None)

    def judge(self) -> bool:
        """See ``Write.judge``: what was allowed to be seen was, whatever is in it."""
        return True

    def stored(self, state: RecordState) -> None:
        """See ``Write.stored``."""
        self._answer(self._name, state)
        self._done()

    def refused(self, action: int, stored: RecordState) -> None:
        """See ``Write.refused``: the name is none that a record can have."""
        self._unreadable(self._name, None)
        self._done()

    def failed(self, error: StoreError) -> None:
        """See ``Write.failed``."""
        self._unreadable(self._name, error)
        self._done()


class Change:
    """UPDATE, PATCH, ERASE, PATCH_MULTI and the upserts, from a client or, without one, from the server.

    ``unversioned`` writes (hot path) take whatever version comes next. ``weight``: what it counts for among
    the writes that wait, one and one more for each KiB of its data.
    """

    __slots__ = ("_records", "_unversioned", "connection", "message", "weight")

    def __init__(
        self, records: Records, connection: Connection, message: Message, *, unversioned: bool = False
    ) -> None:
        self._records = records
        self.connection = connection
        self.message = message
        self._unversioned = unversioned
        self.weight = 1 if message.data is None else 1 + (len(message.data) >> 10)

    def apply(self, current: RecordState) -> RecordState:
        """See ``Write.apply``."""
        message = self.message
        if current is ABSENT:
            if message.action not in UPSERTS:
                raise Refused(RecordAction.RECORD_UPDATE_ERROR)
            if name_problem(message.name or ""):
                raise Refused(RecordAction.RECORD_CREATE_ERROR)
            current = created()
        version = current.version + 1
        given = message.version
        if given != version and given != -1 and not self._unversioned:
            stale = given is None or given < version
            raise Refused(RecordAction.VERSION_EXISTS if stale else RecordAction.INVALID_VERSION)
        try:
            state = state_after(message, current, version)
        except PathError:
            raise Refused(RecordAction.INVALID_MESSAGE_DATA) from None
        if state.size > MAX_SIZE:
            raise Refused(RecordAction.INVALID_MESSAGE_DATA)
        return state

    def apply_to_successor(self, current: RecordState) -> RecordState:
        """See ``Write.apply_to_successor``: the version before the one it names was not this record's."""
        if self.message.version != -1 and not self._unversioned:
            raise Refused(RecordAction.VERSION_EXISTS)
        return self.apply(current)

    def entry(self, state: RecordState) -> Entry:
        """See ``Write.entry``."""
        message = self.message
        action = UPSERTS.get(message.action, message.action)  # type: ignore[call-overload]
        return Entry(state.version, action, self.connection.user.id or "", message.path, message.data)

    def judge(self) -> bool | Awaitable[bool]:
        """See ``Write.judge``."""
        return self._records.judge(self.connection, self.message)

    def stored(self, state: RecordState) -> None:
        """See ``Write.stored``: subscribers get the change, the author its acknowledgement."""
        message, connection = self.message, self.connection
        if self._records.is_heard(message.name or "", connection):
            if message.binary is None or message.version != state.version:
                message = _broadcast_of(message, state.version)
            self._records.publish(message, state, connection)
        if self.message.is_write_ack:
            self._acknowledge()

    def refused(self, action: int, stored: RecordState) -> None:
        """See ``Write.refused``: the author gets the error, and the state to merge with."""
        reply = refusal(self.message, action)
        if action in (RecordAction.VERSION_EXISTS, RecordAction.INVALID_VERSION):
            if stored is ABSENT and self.message.action in UPSERTS:
                stored = created()
            reply.version, reply.data = stored.version, stored.text
        if action == RecordAction.VERSION_EXISTS:
            # To a client a conflict is no error: it merges and sends again.
            reply.is_error = None
        self.connection.send(reply)

    def failed(self, error: StoreError) -> None:
        """See ``Write.failed``."""
        self.connection.send(refusal(self.message, RecordAction.RECORD_UPDATE_ERROR))

    def _acknowledge(self) -> None:
        message = self.message
        reply = Message(_RECORD, _ACKNOWLEDGEMENT)
        reply.correlation_id, reply.name, reply.is_write_ack = message.correlation_id, message.name, True
        self.connection.send(reply)


class Deletion:
    """DELETE: of a record that does not exist it succeeds too."""

    __slots__ = ("_connection", "_message", "_records")

    weight = 1

    def __init__(self, records: Records, connection: Connection, message: Message) -> None:
        self._records = records
        self._connection = connection
        self._message = message

    def apply(self, current: RecordState) -> RecordState:
        """See ``Write.apply``."""
        return ABSENT

    def apply_to_successor(self, current: RecordState) -> RecordState:
        """See ``Write.apply_to_successor``: whichever it is, it is deleted."""
        return ABSENT

    def entry(self, state: RecordState) -> Entry:
        """See ``Write.entry``."""
        return Entry(state.version, RecordAction.DELETE, self._connection.user.id or "", None, None)

    def judge(self) -> bool | Awaitable[bool]:
        """See ``Write.judge``."""
        return self._records.judge(self._connection, self._message)

    def stored(self, state: RecordState) -> None:
        """See ``Write.stored``."""
        name = self._message.name or ""
        self._connection.send(Message(Topic.RECORD, RecordAction.DELETE_SUCCESS, name=name))
        self._records.publish_deletion(name, self._connection)

    def refused(self, action: int, stored: RecordState) -> None:
        """See ``Write.refused``; a deletion never is."""
        self._connection.send(refusal(self._message, action))

    def failed(self, error: StoreError) -> None:
        """See ``Write.failed``."""
        self._connection.send(refusal(self._message, RecordAction.RECORD_DELETE_ERROR))


def state_after(message: Message, current: RecordState, version: int) -> RecordState:
    """What ``message`` makes of ``current``; raises PathError."""
    if message.action in _WHOLE:
        return RecordState(version, text=message.data, value=written(message, None), id=current.id)
    room = Room()
    value = written(message, current.value, room)
    added = len(message.data or "") + _NULL_SIZE * room.taken
    return RecordState(version, value=value, estimate=current.size + added, id=current.id)


def _broadcast_of(message: Message, version: int) -> Message:
    """What subscribers see of a write: its effect and version, nothing of how it was asked for."""
    out = Message(Topic.RECORD, UPSERTS.get(message.action, message.action))  # type: ignore[call-overload]
    out.name, out.version = message.name, version
    if message.path is not None and out.action != RecordAction.UPDATE:
        out.path = message.path
    if message.data is not None and out.action != RecordAction.ERASE:
        out.data = message.data
    return out
