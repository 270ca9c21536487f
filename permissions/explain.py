"""Why a message is allowed or refused: the rules asked once more, with everything they see written down."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection
from itertools import islice
from typing import Any

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import Topic
from permissions.answers import Answers
from permissions.compiler import ARGUMENTS
from permissions.document import Tables
from permissions.inquiry import Clock, Inquiry
from permissions.javascript import RuleError, is_nullish, to_text, type_of, undefined
from permissions.matching import Match, PathTable
from permissions.questions import QUESTIONS, Question
from permissions.reader import Known, NotLoaded, RecordReader
from permissions.regex import RegularExpression
from permissions.rule import Rule
from permissions.surroundings import action_name
from permissions.syntax import place
from permissions.verdict import Denial
from pubsub.replies import names_of
from pubsub.user import User

LONGEST_VALUE = 2000
"""Characters of a value's JSON; of a longer one only the beginning is shown."""

LONGEST_TRACE = 1000
"""Parts of an expression whose values are shown."""

_DATA = ARGUMENTS.index("data")


async def explain(
    user: User, message: Message, *, tables: Tables, records: RecordReader, rounds: int, now: Clock
) -> dict[str, Any]:
    """What was asked and answered, as JSON values.

    ``names`` has for each name its ``verdict`` and the ``rules`` that count for it: the ``paths`` that match,
    the one that won and ``why``, its expression, and in ``trace`` every part of it with its place and value.
    ``loaded`` are the records that were not in memory.
    """
    topic = Topic(message.topic).name.lower()
    asked: dict[str, Any] = {"topic": topic, "action": action_name(message), "user": user.id, "loaded": []}
    question = QUESTIONS.get((message.topic, message.action))
    if question is None:
        return asked | {"verdict": "ALLOWED", "reason": "this action needs no rule", "names": []}
    watched = _WatchedRecords(records)
    inquiry = _TracedInquiry(question, tables, watched, now)
    answers = Answers(inquiry, user, message, rounds=rounds)
    names = list(dict.fromkeys(names_of(message) if question.bulk else [message.name or ""]))
    answers.ask(names)
    await answers.settle()
    return asked | {
        "verdict": "REFUSED" if answers.refused else "ALLOWED",
        "loaded": watched.loaded,
        "names": [inquiry.explanation(name, answers.refused.get(name)) for name in names],
    }


class _WatchedRecords:
    """The records, with a list of what had to be loaded."""

    def __init__(self, records: RecordReader) -> None:
        self._records = records
        self.loaded: list[str] = []

    def peek(self, name: str) -> Known:
        return self._records.peek(name)

    async def load(self, names: Collection[str]) -> None:
        self.loaded += sorted(names)
        await self._records.load(names)


class _TracedInquiry(Inquiry):
    """An inquiry that takes no short cut, and keeps what the last asking of each name saw."""

    def __init__(self, question: Question, tables: Tables, records: RecordReader, now: Clock) -> None:
        super().__init__(question, tables, records, now)
        self._steps: dict[tuple[str, int], dict[str, Any]] = {}

    def answer(self, user: User, message: Message, name: str) -> Denial | None:
        return self.examine(self.table.find(name), user, message, name)

    def _ask(self, match: Match, user: User, message: Message, name: str, old_data: Any) -> Denial | None:
        step: dict[str, Any] = {"oldData": shown(old_data)} if match.rule.uses_old_data else {}
        self._steps[name, id(match.rule)] = step
        traced = match._replace(rule=_traced(match.rule, step))
        try:
            refusal = super()._ask(traced, user, message, name, old_data)
        except NotLoaded as missing:  # the last word, unless they can be loaded and it is asked again
            step["verdict"] = Denial.ERROR.value
            step["error"] = f"it needs records that are not loaded: {', '.join(sorted(missing.names))}"
            raise
        step["verdict"] = _verdict(refusal)
        return refusal

    def explanation(self, name: str, refusal: Denial | None) -> dict[str, Any]:
        """All about one name, once it is answered."""
        tables = {self.question.rule_type: self.table}
        if self.creation is not None:
            tables = {"create": self.creation, **tables}
        rules = [{"type": rule_type, **self._about(table, name)} for rule_type, table in tables.items()]
        return {"name": name, "verdict": _verdict(refusal), "rules": rules}

    def _about(self, table: PathTable, name: str) -> dict[str, Any]:
        matches = table.matches(name)
        found: dict[str, Any] = {"paths": [match.pattern.text for match in matches], "why": _why(matches)}
        if not matches:
            return found | {"path": None}
        winner = matches[0]
        found["path"], found["expression"] = winner.pattern.text, winner.rule.source
        found["variables"] = dict(zip(winner.pattern.variables, winner.variables, strict=True))
        return found | self._steps.get((name, id(winner.rule)), {"verdict": "not asked"})


def _traced(rule: Rule, step: dict[str, Any]) -> Rule:
    """``rule``, but when it runs it writes into ``step`` what every part of it was."""

    def run(*arguments: Any) -> Any:
        values: dict[int, Any] = {}

        def seen(index: int, value: Any) -> Any:
            values[index] = value
            return value

        if rule.uses_data:
            step["data"] = shown(arguments[_DATA])
        try:
            return rule.trace(*arguments, seen)
        except RuleError as error:
            step["error"] = str(error)
            raise
        finally:
            step["trace"] = _trace(rule, values)

    traced = copy.copy(rule)
    traced.run = run
    return traced


def _trace(rule: Rule, values: dict[int, Any]) -> list[dict[str, Any]]:
    parts = []
    for index, node in enumerate(islice(rule.node.walk(), LONGEST_TRACE)):
        line, column = place(rule.source, node.start)
        part = {"source": rule.source[node.start : node.end], "line": line, "column": column}
        parts.append(part | (shown(values[index]) if index in values else {"type": "not evaluated"}))
    return parts


def shown(value: Any) -> dict[str, Any]:
    """A JavaScript value as JSON: its ``type``, and its ``value`` or of a long one the ``beginning``."""
    found: dict[str, Any] = {"type": "null" if value is None else type_of(value)}
    if value is undefined:
        return found
    if isinstance(value, RegularExpression) or (isinstance(value, float) and not math.isfinite(value)):
        return found | {"value": to_text(value)}
    try:
        text = orjson.dumps(value, default=_plain).decode()
    except TypeError:  # half a surrogate pair, or nested too deep for JSON
        return found | {"value": "(this cannot be shown)"}
    if len(text) > LONGEST_VALUE:
        return found | {"beginning": text[:LONGEST_VALUE]}
    return found | {"value": orjson.loads(text)}


def _plain(value: Any) -> Any:
    return None if is_nullish(value) else to_text(value)


def _why(matches: list[Match]) -> str:
    if not matches:
        return "no path that has this rule matches"
    if len(matches) == 1:
        return "the only path that matches"
    tie = len(matches[0].pattern.text) == len(matches[1].pattern.text)
    return "the later of the longest paths that match" if tie else "the longest path that matches"


def _verdict(refusal: Denial | None) -> str:
    return "ALLOWED" if refusal is None else refusal.value
