"""The rules in force: asked once for every message (VALVE.md)."""

from __future__ import annotations

import copy
import time
from collections.abc import Awaitable
from typing import Any

from deepstream_protocol.message import Message
from permissions.answers import Answers
from permissions.document import load
from permissions.explain import explain
from permissions.inquiry import Clock, Inquiry
from permissions.questions import QUESTIONS
from permissions.reader import NOT_LOADED, Known, NotLoaded, RecordLoadError, RecordReader
from permissions.verdict import Verdict
from pubsub.replies import names_of
from pubsub.user import User

__all__ = ["NOT_LOADED", "Known", "RecordLoadError", "RecordReader", "RuleSet", "milliseconds"]


def milliseconds() -> int:
    """The time, as ``now`` in a rule."""
    return time.time_ns() // 1_000_000


class RuleSet:
    """One rules document, compiled; never changed, but replaced as a whole by another one."""

    def __init__(
        self,
        document: object,
        *,
        records: RecordReader,
        max_rule_iterations: int = 3,
        now: Clock = milliseconds,
    ) -> None:
        """``document`` is what a YAML or JSON parser gave; raises ``InvalidRules`` with all its problems.

        ``max_rule_iterations`` bounds the rounds of loading that the cross references of one name may take.
        """
        self._tables = load(document)
        self._rounds = max_rule_iterations
        self._look_at(records, now)

    def among(self, records: RecordReader, *, now: Clock = milliseconds) -> RuleSet:
        """The same rules, asked about other records and at another time."""
        others = copy.copy(self)
        others._look_at(records, now)
        return others

    def _look_at(self, records: RecordReader, now: Clock) -> None:
        self._records = records
        self._now = now
        inquiries = {
            asked: Inquiry(question, self._tables, records, now) for asked, question in QUESTIONS.items()
        }
        # Where everything is allowed nothing is asked.
        self._inquiries = {asked: inquiry for asked, inquiry in inquiries.items() if not inquiry.is_open}

    def check(self, user: User, message: Message) -> Verdict | Awaitable[Verdict]:
        """Which names of ``message`` are refused, and why; awaitable only if records must be loaded."""
        inquiry = self._inquiries.get((message.topic, message.action))
        if inquiry is None:
            return None
        if inquiry.bulk:
            return self._check_bulk(inquiry, user, message)
        name = message.name or ""
        if name in inquiry.open_names:
            return None
        try:
            refusal = inquiry.answer(user, message, name)
        except NotLoaded as missing:
            answers = Answers(inquiry, user, message, rounds=self._rounds)
            answers.waiting[name] = missing
            return answers.settle()
        return None if refusal is None else {name: refusal}

    def _check_bulk(self, inquiry: Inquiry, user: User, message: Message) -> Verdict | Awaitable[Verdict]:
        answers = Answers(inquiry, user, message, rounds=self._rounds)
        answers.ask(names_of(message))
        return answers.settle() if answers.waiting else answers.refused or None

    async def explain(self, user: User, message: Message) -> dict[str, Any]:
        """Why ``check`` answers as it does: see ``permissions.explain.explain``."""
        return await explain(
            user, message, tables=self._tables, records=self._records, rounds=self._rounds, now=self._now
        )
