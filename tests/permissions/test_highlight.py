"""Rules in colours, line by line, and what differs between two of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from permissions.comparison import CONTEXT, changed_lines, changed_rules
from permissions.document import Problem
from permissions.highlight import LONGEST, Part, expression_parts, lines_of
from permissions.rule_text import problems_of, read_rules

RULES = """\
# all
record:
  "*":   # root
    create: true
    write: "user.data.canBid && data.price > 5"
    delete: 'user.id === $seller || _("a/" + name).n !== null'
    read: >
      typeof now
      === 'x'
event: {"*": {publish: "a === \\"q\\""}}
"""


def kinds(line: int, source: str = RULES) -> list[tuple[str, str]]:
    """The special parts of a line."""
    return [(part.kind, part.text) for part in lines_of(source)[line - 1].parts if part.kind]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (1, [("comment", "# all")]),
        (2, [("key", "record"), ("punctuation", ":")]),
        (3, [("key", '"*"'), ("punctuation", ":"), ("comment", "# root")]),
        (4, [("key", "create"), ("punctuation", ":"), ("constant", "true")]),
        (
            5,
            [
                ("key", "write"),
                ("punctuation", ":"),
                ("punctuation", '"'),
                ("name", "user"),
                ("operator", "&&"),
                ("name", "data"),
                ("operator", ">"),
                ("number", "5"),
                ("punctuation", '"'),
            ],
        ),
        (
            6,
            [
                ("key", "delete"),
                ("punctuation", ":"),
                ("punctuation", "'"),
                ("name", "user"),
                ("operator", "==="),
                ("variable", "$seller"),
                ("operator", "||"),
                ("reference", "_"),
                ("string", '"a/"'),
                ("operator", "+"),
                ("name", "name"),
                ("operator", "!=="),
                ("constant", "null"),
                ("punctuation", "'"),
            ],
        ),
        (8, [("keyword", "typeof"), ("name", "now")]),
        (9, [("operator", "==="), ("string", "'x'")]),
    ],
)
def test_each_part_is_told_what_it_is(line: int, expected: list[tuple[str, str]]) -> None:
    assert kinds(line) == expected


def test_a_quoted_text_within_a_quoted_rule_is_one_string() -> None:
    assert ("string", '\\"q\\"') in kinds(10)


def test_json_is_coloured_too_even_with_tabs() -> None:
    source = '{\n\t"event": {"*": {"publish": "data > 1"}}\n}'
    assert ("key", '"event"') in kinds(2, source)
    assert ("name", "data") in kinds(2, source)


def test_a_problem_is_at_its_line_and_one_without_a_line_at_the_first() -> None:
    source = OPEN.replace("presence: {", 'presence: {\n  "a": {allow: "1 +"},\n  ')
    problems = [*problems_of(source), Problem("of unknown place")]
    lines = lines_of(source, problems)
    assert [line.number for line in lines if line.problems] == [1, 5]
    assert "ends too early" in str(lines[4].problems[0])


def test_what_is_no_yaml_is_shown_as_far_as_it_goes_and_then_plainly() -> None:
    source = 'record: true\nevent: "never ends\nrpc: 1'
    lines = lines_of(source, problems_of(source))
    assert ("constant", "true") in kinds(1, source)
    assert [line.text for line in lines] == source.split("\n")
    assert any(line.problems for line in lines)


def test_a_very_long_text_is_shown_plainly() -> None:
    source = "a: true\n" * (LONGEST // 8 + 1)
    assert lines_of(source)[0].parts == [Part("", "a: true")]


ODD = st.text(alphabet="ab:#{}[]\"'\\ \n\t-|>$_&*!%@`,?~\r\u2028é🎉true", max_size=80)


@given(ODD)
def test_no_character_is_lost_or_added_whatever_the_text(source: str) -> None:
    shown = "\n".join(line.text for line in lines_of(source))
    assert shown in (source, source.removesuffix("\n"))


@given(ODD)
def test_an_expression_keeps_every_character(source: str) -> None:
    assert "".join(part.text for part in expression_parts(source)) == source.replace("\n", " ")


def test_the_rules_that_differ_are_named() -> None:
    before = read_rules(OPEN).values
    after = read_rules(
        OPEN.replace("publish: true", "publish: false").replace(
            'presence: {"*"', 'presence: {"a": {allow: "1 < 2"}, "*"'
        )
    ).values
    assert [tuple(change) for change in changed_rules(before, after)] == [
        ("event", "*", "publish", "true", "false"),
        ("presence", "a", "allow", None, "1 < 2"),
    ]
    assert changed_rules(after, after) == []
    assert {change.before for change in changed_rules(None, before)} == {None}


OPEN = """\
record: {"*": {create: true, read: true, write: true, delete: true, listen: true, notify: true}}
event: {"*": {publish: true, subscribe: true, listen: true}}
rpc: {"*": {provide: true, request: true}}
presence: {"*": {allow: true}}
"""


def test_lines_that_differ_are_shown_with_some_around_them() -> None:
    before = "".join(f"{number}\n" for number in range(1, 31))
    lines = changed_lines(before, before.replace("15\n", "fifteen\n").replace("30\n", ""))
    assert [(line.kind, line.before, line.after, line.text) for line in lines if line.kind != "same"] == [
        ("gap", None, None, ""),
        ("removed", 15, None, "15"),
        ("added", None, 15, "fifteen"),
        ("gap", None, None, ""),
        ("removed", 30, None, "30"),
    ]
    assert sum(line.kind == "same" for line in lines) == 3 * CONTEXT
    assert changed_lines(before, before) == []


def test_very_long_texts_are_compared_as_wholes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("permissions.comparison.MAX_LINES", 3)
    kinds_of = [line.kind for line in changed_lines("a\nb", "a\nc")]
    assert kinds_of == ["removed", "removed", "added", "added"]
