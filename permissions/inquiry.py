"""Asking the rules about one name, with what is in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from deepstream_protocol.message import Message
from permissions.document import Tables
from permissions.javascript import RuleError, undefined
from permissions.matching import Match
from permissions.outcome import after_write, payload
from permissions.questions import Question
from permissions.reader import NOT_LOADED, NotLoaded, RecordReader
from permissions.rule import Rule
from permissions.verdict import Denial
from pubsub.user import User

Clock = Callable[[], int]
"""Tells the time in milliseconds since 1970."""


class Inquiry:
    """One question of VALVE.md's table, with the rules that answer it."""

    def __init__(self, question: Question, tables: Tables, records: RecordReader, now: Clock) -> None:
        self.question = question
        self.bulk = question.bulk
        self.records = records
        self.table = tables[question.section, question.rule_type]
        self.creation = tables["record", "create"] if question.creates else None
        self._find = self.table.find
        self.open_names = self.table.open_names if self.creation is None else frozenset()
        """Names that everyone is known to be allowed, without ``answer``."""
        self._now = now

    @property
    def is_open(self) -> bool:
        """Whether everyone may do it with every name."""
        return self.table.is_open and (self.creation is None or self.creation.is_open)

    def answer(self, user: User, message: Message, name: str) -> Denial | None:
        """Why ``name`` is refused, or None; raises ``NotLoaded``."""
        match = self._find(name)
        if match is not None and (constant := match.rule.constant) is not None:
            if not constant:
                return Denial.DENIED
            if self.creation is None:
                self.table.remember_open(name)
                return None
        return self.examine(match, user, message, name)

    def examine(self, match: Match | None, user: User, message: Message, name: str) -> Denial | None:
        """As ``answer``, by running the rule that ``match`` found and those that belong to it."""
        if match is None:
            return Denial.DENIED
        if self.creation is not None:
            return self._examine_new(match, user, message, name)
        known = self._known(name) if self._needs_record(match.rule) else None
        return self._ask(match, user, message, name, undefined if known is None else known[1])

    def _examine_new(self, match: Match, user: User, message: Message, name: str) -> Denial | None:
        """The ``create`` rule if the record is missing, and then the other one in any case."""
        assert self.creation is not None
        creation = self.creation.find(name)
        if creation and not (creation.rule.references or self._needs_record(match.rule)):
            refusal = self._ask(creation, user, message, name, undefined)
            if refusal is None:  # then nobody needs to know whether the record exists
                return self._ask(match, user, message, name, undefined)
        known = self._known(name)
        if known is not None:
            return self._ask(match, user, message, name, known[1])
        refusal = self._ask(creation, user, message, name, undefined) if creation else Denial.DENIED
        if refusal is not None:
            return refusal
        return self._ask(match, user, message, name, {} if self.question.reads_new else undefined)

    def _needs_record(self, rule: Rule) -> bool:
        return rule.uses_old_data or (rule.uses_data and self.question.merges)

    def _ask(self, match: Match, user: User, message: Message, name: str, old_data: Any) -> Denial | None:
        """Run one rule; only ``true`` allows."""
        rule, _, variables = match
        lookup, now = self._lookup, self._now
        try:
            data = self._data(message, old_data) if rule.uses_data else undefined
            try:
                allows = rule.run(user, message, name, variables, data, old_data, lookup, now)
            except NotLoaded:
                wanted = rule.wanted(user, message, name, variables, data, old_data, lookup, now)
                raise NotLoaded(self._missing(wanted)) from None
            return None if allows is True else Denial.DENIED
        except (RuleError, RecursionError):
            return Denial.ERROR

    def _data(self, message: Message, old_data: Any) -> Any:
        if not self.question.writes:
            return payload(message)
        return after_write(message, {} if old_data is undefined else old_data)

    def _known(self, name: str) -> tuple[int, Any] | None:
        known = self.records.peek(name)
        if known is NOT_LOADED:
            raise NotLoaded([name], own=True)
        return known

    def _lookup(self, name: str) -> Any:
        """What ``_(name)`` is."""
        known = self.records.peek(name)
        if known is NOT_LOADED:
            raise NotLoaded([name])
        return None if known is None else known[1]

    def _missing(self, names: Collection[str]) -> list[str]:
        return [name for name in names if self.records.peek(name) is NOT_LOADED]
