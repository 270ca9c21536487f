"""From an expression's tree to a Python function, made once when the rules are loaded.

The function's code is an ``ast`` that is built here, node by node, and given to ``compile``: no text of a
rule ever becomes Python. It can only name its own arguments and temporaries and the functions in
``_GLOBALS``; what the rule wrote are constants in it. So a rule reaches exactly what those functions give.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from permissions import code, operators, properties
from permissions.code import any_of, assign, call, is_nullish, load, negated, store
from permissions.javascript import to_number, truthy, type_of, undefined
from permissions.methods import METHODS
from permissions.static import identity, is_boolean
from permissions.surroundings import action_name, action_number, cross_reference, user_object
from permissions.syntax import ExpressionError, Kind, Node

Code = Callable[..., Any]
"""A compiled expression, called with ``ARGUMENTS``; gives its value or raises ``RuleError``."""

ARGUMENTS: Final = ("user", "message", "name", "variables", "data", "old_data", "lookup", "now")
"""What a compiled expression is called with: the asking User, the Message, the name in question, the values
of the path's variables in order, data and oldData (undefined where there is none), the function behind ``_``,
and a function that gives the time in milliseconds. A traced one takes
``seen(index, value)`` as well, which gives the value back."""

_PLAIN = {"data": "data", "oldData": "old_data", "name": "name", "now": "now", "user": "user_value"}
_OF_THE_USER = {"id": "id", "isAuthenticated": "is_authenticated", "data": "server_data"}
_GLOBALS: dict[str, Any] = {
    "__builtins__": {},
    "undefined": undefined,
    "type": type,
    "dict": dict,
    "truthy": truthy,
    "type_of": type_of,
    "to_number": to_number,
    "negate": operators.negate,
    "concatenation": operators.concatenation,
    "member": properties.member,
    "element": properties.element,
    "user_object": user_object,
    "action_number": action_number,
    "action_name": action_name,
    "cross_reference": cross_reference,
    # A name with a space in it can be meant by nothing but the code made here.
    **{f"operator {text}": function for text, function in operators.BINARY.items()},
    **{f"method {text}": function for text, function in METHODS.items()},
}


def compiled(node: Node, *, names: Collection[str], variables: Sequence[str], traced: bool = False) -> Code:
    """The function that computes ``node``.

    ``names`` are what the rule may name beside the path's ``variables`` (with their ``$``); another one
    raises ``ExpressionError``. A traced function reports the value of every node by its index in
    ``node.walk()``.
    """
    return _Compiler(node, names=names, variables=variables, traced=traced).function()


class _Compiler:
    """One expression being translated; every method gives the Python expression for a node."""

    def __init__(self, node: Node, *, names: Collection[str], variables: Sequence[str], traced: bool) -> None:
        self._node = node
        self._names = names
        self._variables = variables
        self._indexes = {part: index for index, part in enumerate(node.walk())} if traced else {}
        self._globals = dict(_GLOBALS)
        self._temporaries = 0
        self._used: set[str] = set()

    def function(self) -> Code:
        arguments = (*ARGUMENTS, "seen") if self._indexes else ARGUMENTS
        result = self._value(self._node)
        return code.function(arguments, [*self._prelude(), ast.Return(result)], self._globals)

    def _prelude(self) -> list[ast.stmt]:
        """What is computed once, whatever branch needs it: time stands still while a rule runs."""
        found: list[ast.stmt] = []
        if "now" in self._used:
            found.append(assign("now", call("now")))
        if "user" in self._used:
            found.append(assign("user_value", call("user_object", load("user"))))
        return found

    def _value(self, node: Node) -> ast.expr:
        """The node's JavaScript value."""
        return self._seen(node, _EMIT[node.kind](self, node))

    def _seen(self, node: Node, value: ast.expr) -> ast.expr:
        if not self._indexes:
            return value
        return call("seen", ast.Constant(self._indexes[node]), value)

    def _truth(self, node: Node) -> ast.expr:
        """An expression that is true in Python where the node counts as true in JavaScript."""
        if is_boolean(node):
            return self._value(node)
        if not self._indexes and node.kind == "group":
            return self._truth(node.parts[0])
        if not self._indexes and node.kind == "logical" and node.value != "??":
            operator = ast.And() if node.value == "&&" else ast.Or()
            return ast.BoolOp(operator, [self._truth(part) for part in node.parts])
        return call("truthy", self._value(node))

    def _temporary(self, value: ast.expr) -> tuple[str, ast.expr]:
        """A new local name, and the expression that computes ``value`` into it."""
        self._temporaries += 1
        return f"t{self._temporaries}", store(f"t{self._temporaries}", value)

    def _literal(self, node: Node) -> ast.expr:
        return load("undefined") if node.value is undefined else ast.Constant(node.value)

    def _regexp(self, node: Node) -> ast.expr:
        name = f"pattern {len(self._globals)}"
        self._globals[name] = node.value
        return load(name)

    def _name(self, node: Node) -> ast.expr:
        if node.value in self._variables:
            index = ast.Constant(self._variables.index(node.value))
            return ast.Subscript(load("variables"), index, ast.Load())
        self._check(node)
        self._used.add(node.value)
        if node.value in _PLAIN:
            return load(_PLAIN[node.value])
        return call("action_name" if node.value == "actionName" else "action_number", load("message"))

    def _check(self, node: Node) -> None:
        if node.value in self._names:
            return
        if node.value.startswith("$"):
            raise ExpressionError(f"the path has no variable '{node.value}'", node.start)
        if node.value in ("data", "oldData"):
            raise ExpressionError(f"'{node.value}' is not available in this rule", node.start)
        raise ExpressionError(f"'{node.value}' is not a name that a rule knows", node.start)

    def _group(self, node: Node) -> ast.expr:
        return self._value(node.parts[0])

    def _array(self, node: Node) -> ast.expr:
        return ast.List([self._value(part) for part in node.parts], ast.Load())

    def _object(self, node: Node) -> ast.expr:
        return ast.Dict([ast.Constant(key) for key in node.value], [self._value(part) for part in node.parts])

    def _template(self, node: Node) -> ast.expr:
        pieces: list[ast.expr] = [ast.Constant(node.value[0])]
        for part, text in zip(node.parts, node.value[1:], strict=True):
            pieces += [self._value(part), ast.Constant(text)]
        return call("concatenation", *pieces)

    def _reference(self, node: Node) -> ast.expr:
        return call("cross_reference", load("lookup"), self._value(node.parts[0]))

    def _unary(self, node: Node) -> ast.expr:
        (part,) = node.parts
        if node.value == "!":
            return negated(self._truth(part))
        return call({"-": "negate", "+": "to_number", "typeof": "type_of"}[node.value], self._value(part))

    def _binary(self, node: Node) -> ast.expr:
        left, right = node.parts
        sides = [self._value(left), self._value(right)]
        if node.value in ("===", "!==") and (operator := identity(left, right, differs=node.value == "!==")):
            return ast.Compare(sides[0], [operator], sides[1:])
        return call(f"operator {node.value}", *sides)

    def _logical(self, node: Node) -> ast.expr:
        """A chain of one operator, flat, however long: the value of the first operand that decides."""
        *parts, last = node.parts
        if node.value != "??" and all(map(is_boolean, parts)):
            operator = ast.And() if node.value == "&&" else ast.Or()
            return ast.BoolOp(operator, [self._value(part) for part in node.parts])
        name, first = self._temporary(self._value(parts[0]))
        stored = [first, *(store(name, self._value(part)) for part in parts[1:])]
        decided = [self._decides(node.value, operand, name) for operand in stored]
        # A list of one element is always true: the last operand is the value if no other was.
        otherwise = ast.List([store(name, self._value(last))], ast.Load())
        return ast.BoolOp(ast.And(), [any_of([*decided, otherwise]), load(name)])

    def _decides(self, operator: str, stored: ast.expr, name: str) -> ast.expr:
        if operator == "||":
            return call("truthy", stored)
        if operator == "&&":
            return negated(call("truthy", stored))
        return negated(is_nullish(stored, name))

    def _conditional(self, node: Node) -> ast.expr:
        test, then, other = node.parts
        return ast.IfExp(self._truth(test), self._value(then), self._value(other))

    def _chain(self, node: Node) -> ast.expr:
        """Properties and calls behind one another; where a ``?.`` finds nothing, all of it is undefined."""
        tests: list[ast.expr] = []
        code = self._link(node, tests)
        if not tests:
            return code
        return ast.IfExp(ast.BoolOp(ast.Or(), tests) if len(tests) > 1 else tests[0], load("undefined"), code)

    def _link(self, node: Node, tests: list[ast.expr]) -> ast.expr:
        owner = node.parts[0]
        optional = node.value if node.kind == "element" else node.value[1]
        if not (optional or self._indexes) and node.kind == "member" and owner.kind == "name":
            attribute = _OF_THE_USER.get(node.value[0]) if owner.value == "user" else None
            if attribute:
                return ast.Attribute(load("user"), attribute, ast.Load())
        chained = owner.kind in _CHAIN
        value = self._seen(owner, self._link(owner, tests)) if chained else self._value(owner)
        if optional:
            name, stored = self._temporary(value)
            tests.append(is_nullish(stored, name))
            value = load(name)
        return self._access(node, value)

    def _access(self, node: Node, value: ast.expr) -> ast.expr:
        if node.kind == "member":
            return self._member(value, ast.Constant(node.value[0]))
        arguments = [self._value(part) for part in node.parts[1:]]
        return call("element" if node.kind == "element" else f"method {node.value[0]}", value, *arguments)

    def _member(self, value: ast.expr, key: ast.expr) -> ast.expr:
        """A property, read in place where a plain object has it: nothing is done more often."""
        name, stored = (value.id, value) if isinstance(value, ast.Name) else self._temporary(value)
        is_plain = ast.Compare(call("type", stored), [ast.Is()], [load("dict")])
        has_it = ast.Compare(key, [ast.In()], [load(name)])
        there = ast.Subscript(load(name), key, ast.Load())
        return ast.IfExp(ast.BoolOp(ast.And(), [is_plain, has_it]), there, call("member", load(name), key))


_CHAIN: frozenset[Kind] = frozenset({"member", "element", "call"})
_EMIT: dict[Kind, Callable[[_Compiler, Node], ast.expr]] = {
    "literal": _Compiler._literal,
    "regexp": _Compiler._regexp,
    "name": _Compiler._name,
    "group": _Compiler._group,
    "array": _Compiler._array,
    "object": _Compiler._object,
    "template": _Compiler._template,
    "reference": _Compiler._reference,
    "unary": _Compiler._unary,
    "binary": _Compiler._binary,
    "logical": _Compiler._logical,
    "conditional": _Compiler._conditional,
    **dict.fromkeys(_CHAIN, _Compiler._chain),
}
