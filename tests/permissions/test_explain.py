"""A rule can be asked why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, PresenceAction, RecordAction, Topic
from permissions.explain import LONGEST_TRACE, LONGEST_VALUE, shown
from permissions.javascript import undefined
from permissions.regex import RegularExpression
from permissions.ruleset import RuleSet
from tests.permissions.valve_kit import BOB, Records, record, rules, ruleset

R = RecordAction
QUERY_ALL = Message(Topic.PRESENCE, PresenceAction.QUERY_ALL)


async def why(asked: RuleSet, message: Message) -> dict[str, Any]:
    """The explanation, which must be JSON."""
    found = await asked.explain(BOB, message)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


async def test_an_explanation_names_the_paths_the_winner_and_the_value_of_every_part() -> None:
    asked = ruleset(
        {
            "record": {
                "auction/*": {"write": True},
                "auction/item/$seller/$id": {"write": "user.data.canBid &&\n data.price > oldData.price"},
                "auction/item/bob/7": {"read": True},
            }
        },
        records=Records(stored={"auction/item/bob/7": {"price": 100}}),
    )
    found = await why(asked, record(R.PATCH, "auction/item/bob/7", path="price", data="99"))
    assert (found["topic"], found["action"], found["user"]) == ("record", "PATCH", "bob")
    assert (found["verdict"], found["loaded"]) == ("REFUSED", ["auction/item/bob/7"])
    (name,) = found["names"]
    assert (name["name"], name["verdict"]) == ("auction/item/bob/7", "MESSAGE_DENIED")
    (rule,) = name["rules"]
    assert rule["type"] == "write"
    assert rule["paths"] == ["auction/item/$seller/$id", "auction/*", "*"]
    assert rule["path"] == "auction/item/$seller/$id"
    assert rule["why"] == "the longest path that matches"
    assert rule["variables"] == {"$seller": "bob", "$id": "7"}
    assert rule["data"] == {"type": "object", "value": {"price": 99}}
    assert rule["oldData"] == {"type": "object", "value": {"price": 100}}
    assert rule["verdict"] == "MESSAGE_DENIED"
    parts = {part["source"]: part for part in rule["trace"]}
    assert parts["user.data.canBid"] == part("user.data.canBid", 1, 1, "boolean", True)
    assert parts["data.price"] == part("data.price", 2, 2, "number", 99)
    assert parts["oldData.price"] == part("oldData.price", 2, 15, "number", 100)
    assert parts["data.price > oldData.price"] == part("data.price > oldData.price", 2, 2, "boolean", False)


def part(source: str, line: int, column: int, kind: str, value: Any) -> dict[str, Any]:
    return {"source": source, "line": line, "column": column, "type": kind, "value": value}


async def test_what_was_not_evaluated_is_told_from_what_was_undefined() -> None:
    asked = ruleset({"event": {"*": {"publish": "user.data.nothing && user.id"}}})
    found = await why(asked, Message(Topic.EVENT, EventAction.EMIT, name="a"))
    parts = {part["source"]: part["type"] for part in found["names"][0]["rules"][0]["trace"]}
    assert parts["user.data.nothing"] == "undefined"
    assert parts["user.id"] == "not evaluated"


async def test_a_rule_that_throws_tells_what_it_threw() -> None:
    asked = ruleset({"event": {"*": {"publish": "user.data.nothing.more"}}})
    found = await why(asked, Message(Topic.EVENT, EventAction.EMIT, name="a"))
    (rule,) = found["names"][0]["rules"]
    assert rule["verdict"] == "MESSAGE_PERMISSION_ERROR"
    assert rule["error"] == "Cannot read properties of undefined (reading 'more')"


async def test_every_name_and_every_rule_of_a_compound_action_is_explained() -> None:
    asked = ruleset(
        {"record": {"*": {"create": False, "read": "oldData.mine"}, "new/*": {"create": True}}},
        records=Records(stored={"there": {"mine": True}}),
    )
    found = await why(asked, record(R.SUBSCRIBECREATEANDREAD, names=["there", "new/1", "missing"]))
    assert [(name["name"], name["verdict"]) for name in found["names"]] == [
        ("there", "ALLOWED"),
        ("new/1", "MESSAGE_DENIED"),
        ("missing", "MESSAGE_DENIED"),
    ]
    compound = [
        [(rule["type"], rule["path"], rule["verdict"]) for rule in name["rules"]] for name in found["names"]
    ]
    assert compound == [
        [("create", "*", "not asked"), ("read", "*", "ALLOWED")],
        [("create", "new/*", "ALLOWED"), ("read", "*", "MESSAGE_DENIED")],
        [("create", "*", "MESSAGE_DENIED"), ("read", "*", "not asked")],
    ]


async def test_references_that_could_not_be_loaded_are_named() -> None:
    asked = ruleset({"event": {"*": {"publish": "_('b').ok"}}}, records=Records(stored={}, broken=["b"]))
    found = await why(asked, Message(Topic.EVENT, EventAction.EMIT, name="a"))
    (rule,) = found["names"][0]["rules"]
    assert (rule["verdict"], rule["error"]) == (
        "MESSAGE_PERMISSION_ERROR",
        "it needs records that are not loaded: b",
    )


async def test_a_rule_that_is_false_is_asked_like_any_other() -> None:
    asked = ruleset({"record": {"a": {"delete": False}}})
    (rule,) = (await why(asked, record(R.DELETE, "a")))["names"][0]["rules"]
    assert (rule["path"], rule["expression"], rule["verdict"]) == ("a", "false", "MESSAGE_DENIED")


async def test_a_name_that_no_path_matches_is_explained() -> None:
    document = rules()
    document["record"] = {"*": {"read": True}, "a/*": {"delete": True}}
    found = await why(RuleSet(document, records=Records()), record(R.DELETE, "b"))
    assert found["verdict"] == "REFUSED"
    (rule,) = found["names"][0]["rules"]
    assert rule == {"type": "delete", "paths": [], "why": "no path that has this rule matches", "path": None}


async def test_a_message_without_a_name_is_explained() -> None:
    found = await why(ruleset({"presence": {"*": {"allow": True}}}), QUERY_ALL)
    assert [(name["name"], name["verdict"]) for name in found["names"]] == [("", "ALLOWED")]


async def test_an_action_that_needs_no_rule_is_explained() -> None:
    found = await why(ruleset(), record(R.UNSUBSCRIBE, "a"))
    assert (found["verdict"], found["reason"]) == ("ALLOWED", "this action needs no rule")


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (["*"], "the only path that matches"),
        (["*", "a/*"], "the longest path that matches"),
        (["*", "a/*", "*/b"], "the later of the longest paths that match"),
    ],
)
async def test_an_explanation_says_why_a_path_won(paths: list[str], reason: str) -> None:
    asked = ruleset({"event": {path: {"publish": True} for path in paths}})
    found = await why(asked, Message(Topic.EVENT, EventAction.EMIT, name="a/b"))
    assert found["names"][0]["rules"][0]["why"] == reason


async def test_an_explanation_and_a_check_agree() -> None:
    asked = ruleset(
        {"record": {"*": {"read": "_(_('a').next).ok"}, "x": {"read": "_(1)"}}},
        records=Records(stored={"a": {"next": "b"}, "b": {"ok": True}}),
    )
    found = await why(asked, record(R.SUBSCRIBE, names=["x", "y", "y"]))
    assert [name["verdict"] for name in found["names"]] == ["MESSAGE_PERMISSION_ERROR", "ALLOWED"]
    assert found["loaded"] == ["a", "b"]


async def test_only_the_beginning_of_a_long_value_or_trace_is_shown() -> None:
    text = " || ".join(["data.text === 1"] * 1_000)
    asked = ruleset({"event": {"*": {"publish": text}}})
    message = Message(Topic.EVENT, EventAction.EMIT, name="a", data=json.dumps({"text": "x" * 10_000}))
    (rule,) = (await why(asked, message))["names"][0]["rules"]
    assert len(rule["trace"]) == LONGEST_TRACE
    assert len(rule["data"]["beginning"]) == LONGEST_VALUE


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, {"type": "null", "value": None}),
        (undefined, {"type": "undefined"}),
        (float("nan"), {"type": "number", "value": "NaN"}),
        (float("-inf"), {"type": "number", "value": "-Infinity"}),
        ([1, undefined], {"type": "object", "value": [1, None]}),
        (RegularExpression("a", "g"), {"type": "object", "value": "/a/g"}),
        ("\ud83d", {"type": "string", "value": "(this cannot be shown)"}),
    ],
)
def test_every_value_can_be_shown_as_json(value: Any, expected: dict[str, Any]) -> None:
    assert shown(value) == expected
