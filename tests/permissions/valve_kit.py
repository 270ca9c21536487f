"""What the tests of the rules have in common: records, a user, and an expression's value."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Collection, Mapping
from typing import Any

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from permissions.document import open_document
from permissions.javascript import RuleError, number_text, undefined
from permissions.reader import NOT_LOADED, Known, RecordLoadError
from permissions.regex import RegularExpression
from permissions.rule import Rule
from permissions.ruleset import RuleSet
from permissions.surroundings import RULE_TYPES
from permissions.syntax import ExpressionError
from permissions.verdict import Verdict
from pubsub.user import User

NOW = 1_700_000_000_123

BOB = User(
    "bob",
    server_data={"canBid": True, "level": 3, "tags": ["a", "b"], "nested": {"a": {"b": 1}}, "role": "seller"},
)


class Records:
    """Records of which some are in memory and some only stored; ``loads`` lists what was loaded when."""

    def __init__(
        self,
        memory: Mapping[str, Any] | None = None,
        *,
        stored: Mapping[str, Any] | None = None,
        broken: Collection[str] = (),
    ) -> None:
        self._memory = {name: (1, value) for name, value in (memory or {}).items()}
        self._stored = stored
        self._absent: set[str] = set()
        self._broken = broken
        self.loads: list[set[str]] = []

    def peek(self, name: str) -> Known:
        if name in self._memory:
            return self._memory[name]
        return None if self._stored is None or name in self._absent else NOT_LOADED

    async def load(self, names: Collection[str]) -> None:
        self.loads.append(set(names))
        assert self._stored is not None
        for name in set(names) - set(self._broken):
            if name in self._stored:
                self._memory[name] = (1, self._stored[name])
            else:
                self._absent.add(name)
        if set(names) & set(self._broken):
            raise RecordLoadError("the store is down")


def rules(sections: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None) -> dict[str, Any]:
    """A document that refuses everything but what ``sections`` say."""
    document: dict[str, Any] = open_document()
    for section, paths in document.items():
        paths["*"] = dict.fromkeys(RULE_TYPES[section], False)
        for path, found in (sections or {}).get(section, {}).items():
            paths[path] = {**paths.get(path, {}), **found}
    return document


def ruleset(
    sections: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None, *, records: Records | None = None
) -> RuleSet:
    """The rules in force, at a time that stands still."""
    return RuleSet(rules(sections), records=records or Records(), now=lambda: NOW)


def record(action: int, name: str | None = None, **fields: Any) -> Message:
    """A message about a record."""
    return Message(Topic.RECORD, action, **({} if name is None else {"name": name}), **fields)


def at_once(answer: Verdict | Awaitable[Verdict]) -> Verdict:
    """The verdict of a check that must not wait."""
    assert answer is None or isinstance(answer, dict), "nothing should have to be loaded"
    return answer


async def waited_for(answer: Verdict | Awaitable[Verdict]) -> Verdict:
    """The verdict of a check that must wait."""
    assert answer is not None, "something should have to be loaded"
    assert not isinstance(answer, dict), "something should have to be loaded"
    return await answer


NAMES: dict[str, Any] = {
    "user": {"id": BOB.id, "isAuthenticated": True, "data": BOB.server_data},
    "data": {
        "price": 12.5,
        "text": "hello",
        "list": [1, "2", None, [3]],
        "empty": "",
        "zero": 0,
        "negative": -1.5,
        "flag": True,
        "none": None,
        "big": 9007199254740993,
        "huge": 1e300,
        "tiny": 1.5e-9,
        "numeric": " 42 ",
        "emoji": "a😀b",
        "object": {"a": 1, "b c": 2, "1": "one"},
        "odd": {"toString": 1},
    },
    "oldData": {"price": 10, "text": "Hello", "list": [], "object": {}},
    "name": "auction/item/bob/7",
    "now": NOW,
    "action": RecordAction.PATCH.value,
    "actionName": "PATCH",
    "$id": "7",
}
"""What the expressions under test know."""

RECORDS: dict[str, Any] = {"a": {"x": 1, "next": "b"}, "b": {"x": [1, 2]}}
"""What they can look up."""


def evaluated(expression: str, *, traced: bool = False) -> list[Any]:
    """What an expression comes to: refused, threw, or its value, told as ``javascript.mjs`` does."""
    try:
        rule = Rule(expression, names=RULE_TYPES["record"]["write"], variables=("$id",))
    except ExpressionError:
        return ["refused"]
    arguments: list[Any] = [BOB, record(RecordAction.PATCH), NAMES["name"], (NAMES["$id"],)]
    arguments += [NAMES["data"], NAMES["oldData"], RECORDS.get, lambda: NOW]
    try:
        return [
            "value",
            told(rule.trace(*arguments, lambda _, value: value) if traced else rule.run(*arguments)),
        ]
    except RuleError:
        return ["threw"]


def told(value: Any) -> list[Any]:
    """A value in plain JSON, with its type, so that all values differ."""
    if value is None or value is undefined:
        return ["null" if value is None else "undefined"]
    if isinstance(value, bool | str):
        return ["boolean" if isinstance(value, bool) else "string", value]
    if isinstance(value, int | float):
        return ["number", "-0" if value == 0 and math.copysign(1, value) < 0 else number_text(value)]
    if isinstance(value, RegularExpression):
        return ["pattern", str(value)]
    if isinstance(value, list):
        return ["array", [told(item) for item in value]]
    return ["object", [[key, told(value[key])] for key in sorted(value)]]
