"""What an expression may not be, and how it is told."""

from __future__ import annotations

import time

import pytest

from permissions.grammar import parse
from permissions.rule import Rule
from permissions.surroundings import RULE_TYPES
from permissions.syntax import MAX_DEPTH, MAX_LENGTH, ExpressionError, place
from tests.permissions.expressions import NOT_IN_THE_LANGUAGE
from tests.permissions.valve_kit import evaluated


def problem(expression: str, rule_type: str = "write") -> tuple[str, int, int]:
    """Why an expression is refused, and its line and column."""
    with pytest.raises(ExpressionError) as caught:
        Rule(expression, names=RULE_TYPES["record"][rule_type], variables=("$id",))
    return (str(caught.value), *place(expression, caught.value.offset))


@pytest.mark.parametrize("expression", NOT_IN_THE_LANGUAGE)
def test_what_is_not_in_the_language_is_refused_when_it_is_loaded(expression: str) -> None:
    assert evaluated(expression) == ["refused"]


@pytest.mark.parametrize(
    ("expression", "line", "column", "text"),
    [
        ("", 1, 1, "an empty expression"),
        (" \n ", 2, 2, "an empty expression"),
        ("true &&", 1, 8, "the expression ends too early"),
        ("true &&\n  data = 1", 2, 8, "'=' is not part of the language"),
        ("true && (new Date())", 1, 10, "'new' is not part of the language"),
        ("data.price >\n\n  'abc", 3, 3, "a string that does not end"),
        ("`abc${1}", 1, 8, "a template string that does not end"),
        ("1 + /abc", 1, 5, "a regular expression that does not end"),
        ("data.text.replace('a', 'b')", 1, 11, "'replace' is no method"),
        ("true || Date.now()", 1, 14, "'now' is no method"),
        ("true || alert(1)", 1, 9, "'alert' is no function"),
        ("nobody.id === 1", 1, 1, "'nobody' is not a name that a rule knows"),
        ("$other === 'a'", 1, 1, "the path has no variable '$other'"),
        ("_ === 1", 1, 1, "'_' can only be called"),
        ("user.constructor", 1, 6, "'constructor' cannot be reached"),
        ("user.data.match(/(?=a)/)", 1, 17, "look-ahead"),
        ("1 2", 1, 3, "'2' is not expected here"),
        ("'a\\x4'", 1, 3, "'\\x' is not an escape"),
    ],
)
def test_a_problem_is_told_with_its_place(expression: str, line: int, column: int, text: str) -> None:
    told, *where = problem(expression)
    assert told.startswith(text)
    assert where == [line, column]


@pytest.mark.parametrize(
    ("rule_type", "expression"),
    [
        *(("create", name) for name in ("data.a", "oldData.a")),
        *(("read", name) for name in ("data.a", "!data")),
        *(("delete", name) for name in ("data.a", "[data]")),
        *(("listen", name) for name in ("data.a", "oldData.a")),
        *(("notify", name) for name in ("data.a", "oldData.a")),
    ],
)
def test_data_is_refused_in_a_rule_that_has_none(rule_type: str, expression: str) -> None:
    assert "is not available in this rule" in problem(expression, rule_type)[0]


@pytest.mark.parametrize(("section", "rule_type"), [("event", "publish"), ("rpc", "request")])
def test_a_message_that_is_no_write_has_data_but_no_old_data(section: str, rule_type: str) -> None:
    names = RULE_TYPES[section][rule_type]
    assert Rule("data.a === 1", names=names).uses_data
    with pytest.raises(ExpressionError, match="'oldData' is not available"):
        Rule("oldData.a === 1", names=names)


@pytest.mark.parametrize(
    "expression",
    [
        "1" + "+1" * 500_000,
        "(" * 30_000,
        "[" * 30_000,
        "!" * 30_000 + "user",
        "- " * 15_000 + "1",
        "`${" * 10_000,
        "typeof " * 4_000 + "1",
        "1" + "+1" * 15_000,
        "user" + ".a" * 15_000,
        "user" + "[0]" * 10_000,
        "1?" * 15_000 + "1" + ":1" * 1_000,
        "/" + "(" * 5_000 + ")" * 5_000 + "/",
        "/(?:a{999}){999}/",
        "'" + "\\0" * 15_000,
        "{" * 3_000 + "}" * 3_000,
        "/*" * 15_000,
    ],
    ids=lambda expression: f"{expression[:12]}… of {len(expression)}",
)
def test_what_is_too_long_or_too_deep_is_refused_soon(expression: str) -> None:
    started = time.process_time()
    assert evaluated(expression) == ["refused"]
    assert time.process_time() - started < 5


def test_nesting_is_possible_up_to_the_limit() -> None:
    fits = "(" * (MAX_DEPTH - 1) + "1" + ")" * (MAX_DEPTH - 1)
    assert evaluated(fits) == ["value", ["number", "1"]]
    assert evaluated(f"({fits})") == ["refused"]


def test_the_deepest_of_every_form_still_compiles_and_runs() -> None:
    for form in (
        "!({})",
        "[{}]",
        "`${{{}}}`",
        "0 || ({})",
        "null ?? ({})",
        "1 ? ({}) : 0",
        "[1].includes({})",
    ):
        expression = "user"
        while parse(form.format(expression)).depth < MAX_DEPTH - 2:
            expression = form.format(expression)
        assert evaluated(expression)[0] == "value"
        assert evaluated(expression, traced=True)[0] == "value"


def test_a_chain_of_one_logical_operator_may_be_as_long_as_an_expression() -> None:
    names = " || ".join(f"user.id === 'user{index}'" for index in range(1_000))
    assert len(names) < MAX_LENGTH
    assert evaluated(names) == ["value", ["boolean", False]]
    assert evaluated(f"{names} || user.id === 'bob'") == ["value", ["boolean", True]]
    numbers = "||".join(["0"] * 5_000)
    assert evaluated(f"{numbers} || 'last'") == ["value", ["string", "last"]]


def test_a_deep_value_is_an_error_of_the_rule_and_not_of_the_server() -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    rule = Rule("data + '' === ''", names=RULE_TYPES["event"]["publish"])
    with pytest.raises(RecursionError):
        rule.run(None, None, "", (), deep, None, None, None)


def test_a_number_beyond_all_doubles_counts_as_infinite() -> None:
    rule = Rule("data > 1e308 && -data < -1e308 && data >= data", names=RULE_TYPES["event"]["publish"])
    assert rule.run(None, None, "", (), 10**400, None, None, None) is True
