"""The rules in force on this node: asked for every message, and replaced as a whole while it runs."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from deepstream_protocol.message import Message
from deepstream_protocol.topics import Topic
from permissions.verdict import AllowEverything, Denial, Permissions, Verdict
from pubsub.user import User

OnDenied = Callable[[User, Message, dict[str, Denial]], object]
Watch = Callable[[Permissions], Permissions]


class Rules:
    """The node's ``Permissions``.

    ``reserved`` are beginnings of record names that no client gets to see or to change whatever the rules
    say: where the login strategy ``storage`` keeps passwords. ``on_denied`` hears of every refusal.
    """

    __slots__ = ("_asked", "_reserved", "_watch", "check", "in_force", "on_denied")

    check: Callable[[User, Message], Verdict | Awaitable[Verdict]]
    """See ``Permissions.check``; where nothing can be refused it is that of the rules themselves."""

    def __init__(self, in_force: Permissions, *, reserved: tuple[str, ...] = ()) -> None:
        self.in_force = in_force
        self.on_denied: OnDenied | None = None
        self._reserved = reserved
        self.watch(None)

    def _check(self, user: User, message: Message) -> Verdict | Awaitable[Verdict]:
        """An answer that took a while is given by the rules of its end."""
        asked = self._asked
        verdict = asked.check(user, message)
        if verdict is None and not self._reserved:
            return None
        if verdict is not None and not isinstance(verdict, dict):
            return self._settle(asked, verdict, user, message)
        return self._final(user, message, verdict)

    def replace(self, rules: Permissions) -> None:
        """Ask ``rules`` from now on. What was allowed before is not looked at: see ``review``."""
        self.in_force = rules
        self.watch(self._watch)

    def watch(self, watch: Watch | None) -> None:
        """Ask what ``watch`` puts in front of the rules, of these and of those to come; None: nothing.

        Without one, the rules are asked as directly as if nobody had ever watched.
        """
        self._watch = watch
        self._asked = self.in_force if watch is None else watch(self.in_force)
        is_open = isinstance(self._asked, AllowEverything) and not self._reserved
        self.check = self._asked.check if is_open else self._check

    async def _settle(
        self, asked: Permissions, pending: Awaitable[Verdict], user: User, message: Message
    ) -> Verdict:
        verdict = await pending
        while asked is not self._asked:
            asked = self._asked
            again = asked.check(user, message)
            verdict = await again if inspect.isawaitable(again) else again
        return self._final(user, message, verdict)

    def _final(self, user: User, message: Message, verdict: Verdict) -> Verdict:
        if self._reserved and message.topic == Topic.RECORD:
            refused = dict.fromkeys(self._reserved_of(message), Denial.DENIED)
            if refused:
                verdict = {**(verdict or {}), **refused}
        if verdict and self.on_denied is not None:
            self.on_denied(user, message, verdict)
        return verdict

    def is_reserved(self, name: str) -> bool:
        """Whether the record ``name`` is kept from every client."""
        return bool(self._reserved) and name.startswith(self._reserved)

    def _reserved_of(self, message: Message) -> Iterable[str]:
        """A message may carry both, a name and names; which of them counts depends on the action."""
        names: list[Any] = [message.name or "", *(message.names or ())]
        return [name for name in names if name.startswith(self._reserved)]
