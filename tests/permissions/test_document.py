"""What makes a rules document valid (VALVE.md, "Validity of a file")."""

from __future__ import annotations

from typing import Any

import pytest

from permissions.document import InvalidRules, Problem, load, open_document, read_rule
from permissions.surroundings import RULE_TYPES


def problems(document: object) -> list[Problem]:
    with pytest.raises(InvalidRules) as caught:
        load(document)
    return caught.value.problems


def changed(section: str, paths: Any) -> dict[str, Any]:
    """A valid document but for one section."""
    return {**open_document(), section: paths}


def test_a_document_that_allows_everything_is_valid() -> None:
    tables = load(open_document())
    assert set(tables) == {(section, each) for section, types in RULE_TYPES.items() for each in types}
    assert all(table.is_open for table in tables.values())


def test_a_path_need_not_have_every_rule_type() -> None:
    tables = load(changed("record", {"*": {"read": True}, "a/*": {}}))
    assert tables["record", "read"].find("a/b") is not None
    assert tables["record", "write"].find("a/b") is None


@pytest.mark.parametrize("document", [None, [], "true", 1, {}])
def test_a_document_without_sections_is_refused(document: object) -> None:
    assert problems(document)


@pytest.mark.parametrize("section", RULE_TYPES)
@pytest.mark.parametrize("paths", [None, {}, [], "true", True])
def test_every_section_must_be_there_with_paths(section: str, paths: object) -> None:
    (problem,) = problems(changed(section, paths))
    assert problem == Problem("the section is missing or not an object with paths", section)


@pytest.mark.parametrize("section", RULE_TYPES)
def test_every_section_must_have_the_root_path(section: str) -> None:
    (problem,) = problems(changed(section, {"a": {}}))
    assert problem == Problem("the section has no root path '*'", section)


def test_an_unknown_section_is_refused() -> None:
    (problem,) = problems(changed("events", {}))
    assert problem.text.startswith("there is no section 'events'")


@pytest.mark.parametrize(
    ("path", "rules", "text"),
    [
        ("", {}, "a path must not be empty"),
        ("/a", {}, "a path must not start with '/'"),
        ("a/$", {}, "a '$' in a path is followed by"),
        ("$a/$a", {}, "a variable may stand only once"),
        (7, {}, "a path must be text"),
        ("a", None, "a path's rules must be an object"),
        ("a", True, "a path's rules must be an object"),
        ("a", {"publish": True}, "there is no such rule type"),
        ("a", {1: True}, "there is no such rule type"),
        ("a", {"read": None}, "a rule must be true, false or an expression"),
        ("a", {"read": ""}, "a rule must be true, false or an expression"),
        ("a", {"read": 1}, "a rule must be true, false or an expression"),
        ("a", {"read": ["true"]}, "a rule must be true, false or an expression"),
        ("a", {"read": " "}, "an empty expression"),
        ("a", {"read": "data.x"}, "'data' is not available in this rule"),
        ("a/$id", {"read": "$idd === 'a'"}, "the path has no variable '$idd'"),
    ],
)
def test_what_stands_under_a_section_is_checked(path: object, rules: object, text: str) -> None:
    (problem,) = problems(changed("record", {"*": {"read": True}, path: rules}))
    assert problem.text.startswith(text)
    assert (problem.section, problem.path) == ("record", str(path))


def test_all_problems_are_reported_and_not_only_the_first() -> None:
    document: dict[str, Any] = {
        "record": {"*": {"read": "a b", "write": "data.x ==="}, "x/$y": {"delete": "true &&\n  $z"}},
        "event": {"*": {"publish": "oldData"}},
        "rpc": {},
        "lists": {},
    }
    found = [(each.section, each.path, each.rule_type, each.line, each.column) for each in problems(document)]
    assert found == [
        (None, None, None, None, None),
        ("record", "*", "read", 1, 3),
        ("record", "*", "write", 1, 11),
        ("record", "x/$y", "delete", 2, 3),
        ("event", "*", "publish", 1, 1),
        ("rpc", None, None, None, None),
        ("presence", None, None, None, None),
    ]


def test_the_error_names_the_place_and_reason_of_each_problem() -> None:
    with pytest.raises(InvalidRules) as caught:
        load(changed("event", {"*": {"publish": "true &&\n  data ="}}))
    assert str(caught.value) == "event, *, publish, line 2, column 8: '=' is not part of the language"


def test_one_rule_can_be_read_by_itself() -> None:
    assert read_rule("record", "a/$id", "read", "$id === user.id").source == "$id === user.id"
    assert read_rule("event", "*", "publish", True).constant is True
    with pytest.raises(InvalidRules) as caught:
        read_rule("record", "a/$id", "read", "$id ===")
    assert caught.value.problems[0].column == 8


def test_a_rule_may_be_a_boolean_or_the_text_of_one() -> None:
    tables = load(
        changed("presence", {"*": {"allow": False}, "a": {"allow": "false"}, "b": {"allow": "(true)"}})
    )
    found = [tables["presence", "allow"].find(name) for name in ("x", "a", "b")]
    assert [match and match.rule.constant for match in found] == [False, False, True]
