"""What the rules decided lately: the denials always, every decision while drafts are to be tried on them.

Both are bounded in number and in bytes, and what is kept of a message is all that is needed to ask again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from deepstream_protocol.message import Message
from deepstream_protocol.topics import Topic
from permissions.questions import QUESTIONS
from permissions.ruleset import milliseconds
from permissions.verdict import Denial, Permissions, Verdict
from pubsub.replies import names_of
from pubsub.user import User
from records.state import RecordState

MAX_DENIALS = 200
"""Denials that are kept; the same one again counts up instead."""

MAX_RECORDED = 100_000
"""Decisions that can be asked for at most."""

MAX_BYTES = 32 * 1024 * 1024
"""Of messages and record states, in each of the two collections."""

MAX_MESSAGE = 64 * 1024
"""Bytes of one message; larger ones are counted, not kept."""

Peek = Callable[[str], RecordState | None]
"""The state of a record as the next write will find it, None if that is not in memory."""

_NAME_OVERHEAD = 60
_EMPTY_MESSAGE = 600

_numbers = count(1)


@dataclass(slots=True, eq=False)
class Decision:
    """One message, who sent it, what the rules said to it, and the records it names as they were then.

    ``at`` is the time of the decision and ``first_at`` that of the first of ``count`` equal ones, in ms.
    """

    user: User
    message: Message
    verdict: Verdict
    states: dict[str, RecordState]
    at: int
    number: int = field(default_factory=lambda: next(_numbers))
    count: int = 1
    first_at: int = 0

    @property
    def size(self) -> int:
        """About how many bytes the message takes; the states are counted by who keeps them."""
        return _size_of(self.message)


def decision(user: User, message: Message, verdict: Verdict, peek: Peek) -> Decision | None:
    """What is kept of one answer of the rules; None if the message is too large to be kept."""
    if _size_of(message) > MAX_MESSAGE:
        return None
    kept = Message(**message.fields())
    states = {}
    if message.topic == Topic.RECORD:
        states = {name: state for name in names_of(message) if (state := peek(name)) is not None}
    at = milliseconds()
    return Decision(user, kept, verdict, states, at, first_at=at)


def _size_of(message: Message) -> int:
    names = message.names or ()
    return (
        _EMPTY_MESSAGE
        + len(message.data or "")
        + len(message.name or "")
        + sum(map(len, names))
        + _NAME_OVERHEAD * len(names)
    )


class _Bytes:
    """How much the decisions of a collection take; a state that several of them share counts once."""

    def __init__(self) -> None:
        self.total = 0
        self._holders: Counter[RecordState] = Counter()
        self._sizes: dict[RecordState, int] = {}  # as they were counted: a state learns its size later

    def add(self, one: Decision) -> None:
        self.total += one.size
        for state in one.states.values():
            self._holders[state] += 1
            if state not in self._sizes:
                self._sizes[state] = state.size
                self.total += state.size

    def remove(self, one: Decision) -> None:
        self.total -= one.size
        for state in one.states.values():
            self._holders[state] -= 1
            if not self._holders[state]:
                del self._holders[state]
                self.total -= self._sizes.pop(state)


class Denials:
    """The latest denials of this node, each different one once."""

    def __init__(self, peek: Peek) -> None:
        self._peek = peek
        self._by_key: dict[Any, Decision] = {}
        self._bytes = _Bytes()
        self.total = 0

    def __iter__(self) -> Iterator[Decision]:
        """The latest first."""
        return reversed(self._by_key.values())

    def note(self, user: User, message: Message, verdict: dict[str, Denial]) -> None:
        """The rules refused some or all of ``message``."""
        self.total += 1
        name, denial = next(iter(verdict.items()))
        key = (user.id, message.topic, message.action, name, denial)
        new = decision(user, message, verdict, self._peek)
        old = self._by_key.pop(key, None)
        if old is not None:
            self._bytes.remove(old)
        if new is None:
            return
        if old is not None:
            new.number, new.count, new.first_at = old.number, old.count + 1, old.first_at
        self._by_key[key] = new
        self._bytes.add(new)
        while len(self._by_key) > MAX_DENIALS or self._bytes.total > MAX_BYTES:
            self._bytes.remove(self._by_key.pop(next(iter(self._by_key))))

    def find(self, number: int) -> Decision | None:
        """The denial with this number, if it is still kept."""
        return next((one for one in self if one.number == number), None)


class Recording:
    """The latest decisions of this node, allowed or refused: ``limit`` of them at most.

    ``left_out`` counts those whose messages were too large; ``since`` and ``until`` are times in ms, None for
    a recording that goes on until it is stopped.
    """

    def __init__(self, peek: Peek, limit: int, until: int | None) -> None:
        self._peek = peek
        self._bytes = _Bytes()
        self.decisions: deque[Decision] = deque()
        self.limit = limit
        self.since = milliseconds()
        self.until = until
        self.left_out = 0

    def note(self, user: User, message: Message, verdict: Verdict) -> None:
        """Keep one decision, and let the oldest go if there are too many."""
        new = decision(user, message, verdict, self._peek)
        if new is None:
            self.left_out += 1
            return
        self.decisions.append(new)
        self._bytes.add(new)
        while len(self.decisions) > self.limit or self._bytes.total > MAX_BYTES:
            self._bytes.remove(self.decisions.popleft())

    def find(self, number: int) -> Decision | None:
        """The decision with this number, if it is still kept."""
        return next((one for one in self.decisions if one.number == number), None)


class Recorder:
    """Stands in front of the rules while decisions are recorded; calls ``expire`` once it is time."""

    __slots__ = ("_expire", "_recording", "_rules")

    def __init__(self, rules: Permissions, recording: Recording, expire: Callable[[], None]) -> None:
        self._rules = rules
        self._recording = recording
        self._expire = expire

    def check(self, user: User, message: Message) -> Verdict | Awaitable[Verdict]:
        """See ``Permissions.check``."""
        verdict = self._rules.check(user, message)
        if (message.topic, message.action) not in QUESTIONS:
            return verdict
        if verdict is not None and not isinstance(verdict, dict):
            return self._settle(user, message, verdict)
        self._note(user, message, verdict)
        return verdict

    async def _settle(self, user: User, message: Message, pending: Awaitable[Verdict]) -> Verdict:
        verdict = await pending
        self._note(user, message, verdict)
        return verdict

    def _note(self, user: User, message: Message, verdict: Verdict) -> None:
        until = self._recording.until
        if until is not None and milliseconds() > until:
            self._expire()
        else:
            self._recording.note(user, message, verdict)
