"""A rule reaches its own values and nothing else: not JavaScript's inside, not Python's."""

from __future__ import annotations

import types
from typing import Any

import pytest
from hypothesis import given, settings

from deepstream_protocol.topics import RecordAction
from permissions.compiler import ARGUMENTS
from permissions.rule import Rule
from permissions.surroundings import RULE_TYPES
from permissions.syntax import ExpressionError
from tests.permissions.expressions import generated
from tests.permissions.valve_kit import BOB, NAMES, NOW, evaluated, record

REFUSED = [
    "user.constructor",
    "user['constructor']",
    "user[`constructor`].constructor",
    "''.constructor.constructor('return process')()",
    "[].constructor.constructor('return this')()",
    "(1).constructor",
    "user.__proto__",
    "user['__proto__']",
    "user?.__proto__",
    "user?.['__proto__']",
    "user['\\x5f_proto__']",
    "user['\\u{63}onstructor']",
    "user.data.__proto__.polluted",
    "{__proto__: user}",
    "{'__proto__': user}.id",
    "{constructor: 1}",
    "data.text.match.constructor",
    "data.text.trim.call(user)",
    "data.text.trim.bind(user)()",
    "data.list.includes.apply(user, [])",
    "data.text['trim']()",
    "(data.text.trim)()",
    "_.constructor",
    "_.call(null, 'a')",
    "_['a']",
    "_(_)",
    "user.data.toString()",
    "user.hasOwnProperty('id')",
    "user.valueOf()",
    "user.__defineGetter__('a', _)",
    "user.__lookupGetter__('a')",
    "data.list.map(_)",
    "data.list.filter(_)",
    "data.text.replace(/a/, _)",
    "`${_}`",
    "__import__('os')",
    "__builtins__",
    "__class__",
    "open('/etc/passwd')",
    "globals()",
    "exec('1')",
    "eval('1')",
    "Function('return 1')()",
    "new Function('return 1')()",
    "this.constructor",
    "globalThis.process",
    "process.exit()",
    "require('child_process')",
    "import('fs')",
    "lookup('a')",
    "variables[0]",
    "old_data",
    "message",
    "undefined.__class__.__mro__()",
    "t1",
    "lambda: 1",
    "user.data = 1",
    "(() => user)()",
    "name`x`",
    "/a/.exec('a')",
    "/a/.test('a')",
    "/a/['constructor']",
]
"""Ways out that no rule with them can even be loaded with."""

UNREACHED = [
    "user['const' + 'ructor']",
    "user['__pro' + 'to__']",
    "user[['constructor']]",
    "user[`${'__proto__'}`]",
    "data.list['const' + 'ructor']",
    "data.text['const' + 'ructor']",
    "data['proto' + 'type']",
    "user.toString",
    "user.valueOf",
    "user.hasOwnProperty",
    "user.__defineGetter__",
    "user.__class__",
    "user.__dict__",
    "user.server_data",
    "user.data.__class__",
    "user.data.keys",
    "user.data.get",
    "data.list.append",
    "data.list.__class__.__base__",
    "data.text.__class__",
    "data.text.format",
    "data.text.trim",
    "data.price.__class__",
    "data.price.real",
    "data.flag.numerator",
    "undefined?.__class__",
    "/a/.pattern",
    "/a/.source",
    "'abc'.match(/b/).more",
    "'abc'.match(/b/).append",
    "_('a').__class__",
    "_('__proto__')",
    "_('constructor')",
    "name.__globals__",
    "now.__class__",
    "'toString' in user",
    "'constructor' in {}",
    "'const' + 'ructor' in data",
    "'__proto__' in user",
    "'__class__' in user",
    "'append' in data.list",
]
"""Ways out that lead nowhere."""


@pytest.mark.parametrize("expression", REFUSED)
def test_a_way_out_is_refused_when_it_is_loaded(expression: str) -> None:
    assert evaluated(expression) == ["refused"]


@pytest.mark.parametrize("expression", UNREACHED)
def test_a_way_out_leads_nowhere(expression: str) -> None:
    nowhere = (["value", ["undefined"]], ["value", ["null"]], ["value", ["boolean", False]], ["threw"])
    assert evaluated(expression) in nowhere


@pytest.mark.parametrize("key", ["constructor", "__proto__", "prototype"])
def test_a_property_with_a_forbidden_name_is_not_reached_even_where_data_has_it(key: str) -> None:
    rule = Rule("data[name] === undefined && !(name in data)", names=RULE_TYPES["record"]["write"])
    assert rule.run(BOB, None, key, (), {key: {"a": 1}}, None, None, None) is True


@pytest.mark.parametrize("key", ["toString", "hasOwnProperty", "valueOf", "length"])
def test_other_names_are_properties_like_any_where_data_has_them(key: str) -> None:
    rule = Rule("data[name].a === 1 && name in data", names=RULE_TYPES["record"]["write"])
    assert rule.run(BOB, None, key, (), {key: {"a": 1}}, None, None, None) is True


@settings(max_examples=300, deadline=None)
@given(expression=generated)
def test_compiled_code_names_nothing_but_its_arguments_and_the_language(expression: str) -> None:
    try:
        code = Rule(expression, names=RULE_TYPES["record"]["write"], variables=("$id",)).run
    except ExpressionError:
        return
    assert isinstance(code, types.FunctionType)
    assert code.__globals__["__builtins__"] == {}
    attributes = {"id", "is_authenticated", "server_data"}
    assert set(code.__code__.co_names) <= {*code.__globals__, *attributes} - {"__builtins__"}
    locals_made = {name for name in code.__code__.co_varnames if name not in ARGUMENTS}
    assert all(name == "user_value" or (name[0] == "t" and name[1:].isdigit()) for name in locals_made)
    assert not code.__code__.co_freevars


def test_a_rule_cannot_change_what_it_sees() -> None:
    before = repr((NAMES, BOB.server_data))
    for expression in (*UNREACHED, "data.list", "[data, user]", "{a: data.list}", "data.text.match(/l/g)"):
        evaluated(expression)
    assert repr((NAMES, BOB.server_data)) == before


def test_names_of_a_rule_hide_nothing_of_the_compiled_function() -> None:
    rule = Rule("{user_value: 1, t1: 2, truthy: 3, __builtins__: 4}.t1", names=RULE_TYPES["record"]["read"])
    arguments: list[Any] = [BOB, record(RecordAction.READ), "a", (), None, None, None, lambda: NOW]
    assert rule.run(*arguments) == 2
