"""The answers for all names of a message: at once where memory allows it, else once records are loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from deepstream_protocol.message import Message
from permissions.inquiry import Inquiry
from permissions.reader import NotLoaded, RecordLoadError
from permissions.verdict import Denial, Verdict
from pubsub.user import User


class Answers:
    """The refusals among the names of one message, as they become known.

    ``waiting`` are the names that need records which are not in memory; ``settle`` has them loaded and asks
    again. A name may wait once for its own record, and ``rounds`` times for its cross references.
    """

    __slots__ = ("_inquiry", "_message", "_rounds", "_user", "refused", "waiting")

    def __init__(self, inquiry: Inquiry, user: User, message: Message, *, rounds: int) -> None:
        self._inquiry = inquiry
        self._user = user
        self._message = message
        self._rounds = rounds
        self.refused: dict[str, Denial] = {}
        self.waiting: dict[str, NotLoaded] = {}

    def ask(self, names: Iterable[str]) -> None:
        """Put the question for each name, as far as memory goes."""
        known_open = self._inquiry.open_names
        for name in names:
            if name in known_open:
                continue
            try:
                refusal = self._inquiry.answer(self._user, self._message, name)
            except NotLoaded as missing:
                self.waiting[name] = missing
            else:
                if refusal is not None:
                    self.refused[name] = refusal

    async def settle(self) -> Verdict:
        """Decide every name; those that still wait when no round is left, or loading failed, are errors."""
        own = [name for name, missing in self.waiting.items() if missing.own]
        usable = not own or await self._ask_again(own)
        for _ in range(self._rounds):
            if not (usable and self.waiting):
                break
            usable = await self._ask_again(list(self.waiting))
        self.refused.update(dict.fromkeys(self.waiting, Denial.ERROR))
        self.waiting.clear()
        return self.refused or None

    async def _ask_again(self, names: Collection[str]) -> bool:
        """Load what ``names`` wait for, all of it at once, then ask; False if it could not be loaded."""
        needed = {needed for name in names for needed in self.waiting.pop(name).names}
        try:
            await self._inquiry.records.load(needed)
        except RecordLoadError:
            self.ask(names)  # part of them may have come
            return False
        self.ask(names)
        return True
