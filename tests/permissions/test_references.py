"""Rules that need records: what is loaded, when, and how often a rule is asked again."""

from __future__ import annotations

from typing import Any

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from permissions.ruleset import RuleSet
from permissions.verdict import Denial
from tests.permissions.valve_kit import BOB, Records, at_once, record, rules, ruleset, waited_for

DENIED, ERROR = Denial.DENIED, Denial.ERROR
EMIT = Message(Topic.EVENT, EventAction.EMIT, name="news", data="{}")
CHAIN = {"a": {"next": "b"}, "b": {"next": "c"}, "c": {"next": "d"}, "d": {"next": "e"}, "e": {"next": True}}


def publishing(expression: str, records: Records, **options: Any) -> RuleSet:
    return RuleSet(rules({"event": {"*": {"publish": expression}}}), records=records, **options)


def nested(levels: int) -> str:
    """A rule that follows ``next`` over so many records."""
    expression = "'a'"
    for _ in range(levels):
        expression = f"_({expression}).next"
    return f"{expression} !== undefined"


async def test_a_reference_in_memory_is_answered_at_once() -> None:
    records = Records(CHAIN)
    assert at_once(publishing(nested(5), records).check(BOB, EMIT)) is None
    assert records.loads == []


@pytest.mark.parametrize("levels", [1, 2, 3])
async def test_references_within_references_are_loaded_three_levels_deep(levels: int) -> None:
    records = Records(stored=CHAIN)
    assert await waited_for(publishing(nested(levels), records).check(BOB, EMIT)) is None
    assert records.loads == [{name} for name in "abc"[:levels]]


async def test_a_fourth_level_is_an_error() -> None:
    records = Records(stored=CHAIN)
    assert await waited_for(publishing(nested(4), records).check(BOB, EMIT)) == {"news": ERROR}
    assert records.loads == [{"a"}, {"b"}, {"c"}]


@pytest.mark.parametrize("rounds", [0, 1, 5])
async def test_how_many_levels_there_may_be_is_an_option(rounds: int) -> None:
    records = Records(stored=CHAIN)
    enough = publishing(nested(max(rounds, 1)), records, max_rule_iterations=rounds)
    assert await waited_for(enough.check(BOB, EMIT)) == (None if rounds else {"news": ERROR})
    too_many = publishing(nested(rounds + 1), Records(stored=CHAIN), max_rule_iterations=rounds)
    assert await waited_for(too_many.check(BOB, EMIT)) == {"news": ERROR}


async def test_references_side_by_side_are_loaded_together() -> None:
    records = Records(stored={name: {"ok": True} for name in "abcdef"})
    expression = " && ".join(f"_('{name}').ok" for name in "abcdef")
    assert await waited_for(publishing(expression, records).check(BOB, EMIT)) is None
    assert records.loads == [set("abcdef")]


async def test_a_reference_that_cannot_be_told_yet_does_not_keep_others_from_loading() -> None:
    records = Records(stored={"a": {"next": "b"}, "b": {"ok": True}, "c": {"ok": True}})
    expression = (
        "_(_('a').next).ok && _('c').ok && (user.data.nothing === undefined || _(user.data.no.thing))"
    )
    assert await waited_for(publishing(expression, records).check(BOB, EMIT)) is None
    assert records.loads == [{"a", "c"}, {"b"}]


async def test_a_reference_that_is_not_reached_loads_nothing() -> None:
    records = Records(stored=CHAIN)
    assert at_once(publishing("user.id === 'bob' || _('a').next", records).check(BOB, EMIT)) is None
    assert records.loads == []


async def test_a_reference_to_what_does_not_exist_is_null() -> None:
    records = Records(stored={})
    assert await waited_for(publishing("_('a') === null", records).check(BOB, EMIT)) is None
    assert await waited_for(publishing("_('b').next", Records(stored={})).check(BOB, EMIT)) == {"news": ERROR}


@pytest.mark.parametrize("expression", ["_('')", "_(1)", "_(null)", "_(undefined)", "_(['a'])", "_(user)"])
async def test_a_reference_needs_a_name(expression: str) -> None:
    records = Records(stored=CHAIN)
    assert at_once(publishing(f"{expression} === null", records).check(BOB, EMIT)) == {"news": ERROR}
    assert records.loads == []


async def test_a_reference_that_cannot_be_loaded_is_an_error() -> None:
    records = Records(stored=CHAIN, broken=["a"])
    assert await waited_for(publishing("_('a') === null", records).check(BOB, EMIT)) == {"news": ERROR}
    assert records.loads == [{"a"}]


async def test_what_came_before_loading_failed_still_counts() -> None:
    found = ruleset(
        {"event": {"*": {"subscribe": "_(name).ok === true"}}},
        records=Records(
            stored={"good": {"ok": True}, "no": {"ok": False}, "bad": {"ok": True}}, broken=["bad"]
        ),
    )
    message = Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["good", "no", "bad"])
    assert await waited_for(found.check(BOB, message)) == {"no": DENIED, "bad": ERROR}


async def test_what_many_names_need_is_loaded_together() -> None:
    stored = {f"room/{index}": {"open": index % 2 == 0} for index in range(6)}
    records = Records({"room/0": {"open": True}}, stored=stored)
    found = ruleset({"event": {"chat/$room": {"subscribe": "_('room/' + $room).open"}}}, records=records)
    names = [f"chat/{index}" for index in range(6)]
    verdict = await waited_for(found.check(BOB, Message(Topic.EVENT, EventAction.SUBSCRIBE, names=names)))
    assert verdict == {"chat/1": DENIED, "chat/3": DENIED, "chat/5": DENIED}
    assert records.loads == [{f"room/{index}" for index in range(1, 6)}]


R = RecordAction


@pytest.mark.parametrize(
    ("action", "allowed", "fields"),
    [
        (R.READ, {"read": True}, {}),
        (R.READ, {"read": "user.id === 'bob'"}, {}),
        (R.DELETE, {"delete": "user.id === 'bob'"}, {}),
        (R.UPDATE, {"write": "data.a === 1"}, {"data": '{"a":1}'}),
        (R.PATCH, {"write": "user.id === 'bob'"}, {"path": "a", "data": "1"}),
        (R.SUBSCRIBECREATEANDREAD, {"create": True, "read": True}, {}),
        (R.SUBSCRIBECREATEANDREAD, {"create": "user.id === 'bob'", "read": "user.data.canBid"}, {}),
        (R.CREATEANDUPDATE, {"create": True, "write": "data.a === 1"}, {"data": '{"a":1}'}),
        (R.CREATEANDPATCH, {"create": "user.id === 'bob'", "write": True}, {"path": "a", "data": "1"}),
    ],
)
async def test_a_record_is_not_loaded_where_no_rule_needs_it(
    action: int, allowed: dict[str, Any], fields: dict[str, Any]
) -> None:
    records = Records(stored={"a": {}})
    assert (
        at_once(
            ruleset({"record": {"*": allowed}}, records=records).check(BOB, record(action, "a", **fields))
        )
        is None
    )
    assert records.loads == []


async def test_a_record_is_not_loaded_where_it_is_refused_whether_it_exists_or_not() -> None:
    records = Records(stored={"a": {}})
    found = ruleset({"record": {"*": {"create": "_('b')", "read": False}}}, records=records)
    assert at_once(found.check(BOB, record(R.SUBSCRIBECREATEANDREAD, "a"))) == {"a": DENIED}
    assert records.loads == []


@pytest.mark.parametrize(
    ("action", "allowed", "fields"),
    [
        (R.READ, {"read": "oldData.a === 1"}, {}),
        (R.DELETE, {"delete": "oldData.a === 1"}, {}),
        (R.UPDATE, {"write": "oldData.a === 1"}, {"data": "{}"}),
        (R.PATCH, {"write": "data.a === 1 && data.b === 2"}, {"path": "b", "data": "2"}),
        (R.CREATEANDPATCH, {"create": True, "write": "data.a === 1"}, {"path": "b", "data": "2"}),
        (R.SUBSCRIBECREATEANDREAD, {"create": False, "read": True}, {}),
        (R.SUBSCRIBECREATEANDREAD, {"create": "user.id === 'eve'", "read": "user.id === 'bob'"}, {}),
        (R.SUBSCRIBECREATEANDREAD, {"create": "_('x').y", "read": True}, {}),
    ],
)
async def test_a_record_is_loaded_once_where_a_rule_needs_it(
    action: int, allowed: dict[str, Any], fields: dict[str, Any]
) -> None:
    records = Records(stored={"a": {"a": 1}})
    answer = ruleset({"record": {"*": allowed}}, records=records).check(BOB, record(action, "a", **fields))
    assert await waited_for(answer) is None
    assert records.loads == [{"a"}]


async def test_loading_the_record_itself_is_no_round_of_references() -> None:
    records = Records(stored={**CHAIN, "own": {"next": "a"}})
    expression = "_(_(_(oldData.next).next).next).next === 'd'"
    found = ruleset({"record": {"*": {"read": expression}}}, records=records)
    assert await waited_for(found.check(BOB, record(R.READ, "own"))) is None
    assert records.loads == [{"own"}, {"a"}, {"b"}, {"c"}]


async def test_a_record_that_cannot_be_loaded_is_an_error() -> None:
    records = Records(stored={"a": {}}, broken=["a"])
    found = ruleset({"record": {"*": {"read": "oldData !== 1"}}}, records=records)
    assert await waited_for(found.check(BOB, record(R.READ, "a"))) == {"a": ERROR}


async def test_of_many_names_only_those_that_wait_are_asked_again() -> None:
    stored = {"new": {"mine": True}, "other": {"mine": False}}
    records = Records({"there": {"mine": True}, "closed": {"mine": False}}, stored=stored)
    found = ruleset({"record": {"*": {"read": "oldData.mine"}}}, records=records)
    message = record(R.SUBSCRIBEANDREAD, names=["closed", "new", "there", "other", "missing"])
    verdict = await waited_for(found.check(BOB, message))
    assert verdict == {"closed": DENIED, "other": DENIED, "missing": ERROR}
    assert records.loads == [{"new", "other", "missing"}]


class Forgetful(Records):
    """Records that are out of memory again at once."""

    def peek(self, name: str) -> Any:
        known = super().peek(name)
        self._memory.pop(name, None)
        return known


async def test_a_rule_does_not_go_round_for_ever_when_memory_does_not_keep_what_it_needs() -> None:
    records = Forgetful(stored=CHAIN)
    expression = "_('a').next === 'b' && _('a').next === 'b'"
    assert await waited_for(publishing(expression, records).check(BOB, EMIT)) == {"news": ERROR}
    assert len(records.loads) == 3
