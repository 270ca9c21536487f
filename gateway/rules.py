"""The rules in force on this node: asked for every message, and replaced as a whole while it runs."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Iterable
from typing import Any

from deepstream_protocol.message import Message
from deepstream_protocol.topics import Topic
from permissions.verdict import Denial, Permissions, Verdict
from pubsub.connection import User


class Rules:
    """The node's ``Permissions``.

    ``reserved`` are beginnings of record names that no client gets to see or to change whatever the rules
    say: where the login strategy ``storage`` keeps passwords.
    """

    __slots__ = ("_reserved", "in_force")

    def __init__(self, in_force: Permissions, *, reserved: tuple[str, ...] = ()) -> None:
        self.in_force = in_force
        self._reserved = reserved

    def check(self, user: User, message: Message) -> Verdict | Awaitable[Verdict]:
        """See ``Permissions.check``; an answer that took a while is given by the rules of its end."""
        rules = self.in_force
        verdict = rules.check(user, message)
        if verdict is not None and not isinstance(verdict, dict):
            return self._settle(rules, verdict, user, message)
        return self._with_reserved(message, verdict) if self._reserved else verdict

    def replace(self, rules: Permissions) -> None:
        """Ask ``rules`` from now on. What was allowed before is not looked at: see ``gateway.review``."""
        self.in_force = rules

    async def _settle(
        self, rules: Permissions, pending: Awaitable[Verdict], user: User, message: Message
    ) -> Verdict:
        verdict = await pending
        while rules is not self.in_force:
            rules = self.in_force
            again = rules.check(user, message)
            verdict = await again if inspect.isawaitable(again) else again
        return self._with_reserved(message, verdict) if self._reserved else verdict

    def _with_reserved(self, message: Message, verdict: Verdict) -> Verdict:
        if message.topic != Topic.RECORD:
            return verdict
        refused = dict.fromkeys(self._reserved_of(message), Denial.DENIED)
        return {**(verdict or {}), **refused} if refused else verdict

    def _reserved_of(self, message: Message) -> Iterable[str]:
        """A message may carry both, a name and names; which of them counts depends on the action."""
        names: list[Any] = [message.name or "", *(message.names or ())]
        return [name for name in names if name.startswith(self._reserved)]
