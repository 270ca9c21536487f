"""From the text of an expression to its tree, by the grammar in ``grammar.lark``.

Lark's LALR parser makes each node as soon as its parts are there, without recursion, and a node knows its
depth: text that is too long or too deep is refused before anything walks over it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from lark import Lark, Token, Transformer, UnexpectedToken

from permissions.javascript import joined, number_text, to_double, undefined
from permissions.lexer import ExpressionLexer
from permissions.methods import METHODS
from permissions.properties import UNREACHABLE
from permissions.regex import PatternError, RegularExpression
from permissions.syntax import MAX_LENGTH, ExpressionError, Kind, Node

Children: TypeAlias = list[Any]

_WORDS = {
    "true": True,
    "false": False,
    "null": None,
    "undefined": undefined,
    "NaN": float("nan"),
    "Infinity": float("inf"),
}
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{0*([0-9a-fA-F]{1,6})\}|(\r\n|[\n\r\u2028\u2029])|(.))",
    re.DOTALL,
)
_OCTAL = re.compile(r"\\0[0-9]")
_RADIXES = frozenset("xXoObB")
_CALLABLE = f"only _() and the methods {', '.join(METHODS)} can be called"
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


def parse(text: str) -> Node:
    """The tree of an expression; raises ``ExpressionError``."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
    try:
        node = _parser().parse(text)
    except UnexpectedToken as error:
        raise _unexpected(error.token, text) from None
    assert isinstance(node, Node)
    return node


@cache
def _parser() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer=ExpressionLexer,
        transformer=_Nodes(),
        keep_all_tokens=True,
        maybe_placeholders=False,
    )


def _unexpected(token: Token, text: str) -> ExpressionError:
    if token.type == "$END":
        return ExpressionError(
            "the expression ends too early" if text.strip() else "an empty expression", len(text)
        )
    if token.type == "RESERVED":
        return ExpressionError(f"'{token}' is not part of the language", token.start_pos or 0)
    if token.type == "LPAR":
        return ExpressionError(_CALLABLE, token.start_pos or 0)
    shown = token if len(token) <= 20 else f"{token[:20]}…"
    return ExpressionError(f"'{shown}' is not expected here", token.start_pos or 0)


def _start(child: Node | Token) -> int:
    return child.start if isinstance(child, Node) else child.start_pos or 0


def _end(child: Node | Token) -> int:
    return child.end if isinstance(child, Node) else child.end_pos or 0


def _node(kind: Kind, children: Children, parts: Children, value: Any = None) -> Node:
    return Node(kind, _start(children[0]), _end(children[-1]), tuple(parts), value)


def _property(name: str, start: int) -> str:
    if name in UNREACHABLE:
        raise ExpressionError(f"'{name}' cannot be reached from a rule", start)
    return name


def _unescaped(text: str, start: int) -> str:
    """The text between quotes with its escapes resolved; ``start`` is where it begins, for errors."""

    def resolve(found: re.Match[str]) -> str:
        number, char = found[1] or found[2] or found[3], found[5]
        if number and int(number, 16) <= 0x10FFFF:
            return chr(int(number, 16))
        if number or (char and char in "xu123456789") or _OCTAL.match(text, found.start()):
            raise ExpressionError(f"'{found[0]}' is not an escape", start + found.start())
        return "" if found[4] else _SIMPLE.get(char, char)

    return joined(_ESCAPE.sub(resolve, text)) if "\\" in text else text


def _number(text: str) -> float:
    """A number literal; whole ones stay ints, which is quicker for indexes and counts the same."""
    text = text.replace("_", "")
    value = to_double(int(text, 0)) if text[:1] == "0" and text[1:2] in _RADIXES else float(text)
    return int(value) if value.is_integer() and abs(value) <= 2**53 else value


def _texts(token: Token) -> str:
    """A piece of a template string without what delimits it; line ends count as one character."""
    inner = token[1 : -2 if token.type in ("TEMPLATE_HEAD", "TEMPLATE_MIDDLE") else -1]
    return _unescaped(inner.replace("\r\n", "\n").replace("\r", "\n"), (token.start_pos or 0) + 1)


class _Nodes(Transformer[Token, Node]):
    """What each rule of the grammar becomes; children are all its tokens and nodes, in order."""

    def name(self, children: Children) -> Node:
        if children[0] == "_":
            raise ExpressionError("'_' can only be called: _(name)", _start(children[0]))
        return _node("name", children, [], str(children[0]))

    def function(self, children: Children) -> Node:
        arguments = _nodes(children)
        if children[0] != "_":
            raise ExpressionError(f"'{children[0]}' is no function: {_CALLABLE}", _start(children[0]))
        if len(arguments) != 1:
            raise ExpressionError("_() takes one argument, the name of a record", _start(children[0]))
        return _node("reference", children, arguments)

    def word(self, children: Children) -> Node:
        return _node("literal", children, [], _WORDS[children[0]])

    def number(self, children: Children) -> Node:
        return _node("literal", children, [], _number(children[0]))

    def string(self, children: Children) -> Node:
        return _node("literal", children, [], _unescaped(children[0][1:-1], _start(children[0]) + 1))

    def regexp(self, children: Children) -> Node:
        source, _, flags = children[0][1:].rpartition("/")
        try:
            return _node("regexp", children, [], RegularExpression(source, flags))
        except PatternError as error:
            raise ExpressionError(str(error), _start(children[0])) from error

    def template(self, children: Children) -> Node:
        return _node("template", children, children[1::2], tuple(_texts(token) for token in children[::2]))

    def array(self, children: Children) -> Node:
        return _node("array", children, _nodes(children))

    def object(self, children: Children) -> Node:
        pairs = children[1] if isinstance(children[1], list) else []
        return _node("object", children, [value for _, value in pairs], tuple(key for key, _ in pairs))

    def group(self, children: Children) -> Node:
        return _node("group", children, [children[1]])

    def items(self, children: Children) -> list[Node]:
        if isinstance(children[0], Node):
            return [children[0]]
        children[0].append(children[2])
        return children[0]  # type: ignore[no-any-return]

    def pairs(self, children: Children) -> list[tuple[str, Node]]:
        pairs = children[0] if isinstance(children[0], list) else []
        pairs.append((children[-3], children[-1]))
        return pairs

    def key(self, children: Children) -> str:
        token = children[0]
        if token.type == "STRING":
            return _property(_unescaped(token[1:-1], _start(token) + 1), _start(token))
        return _property(number_text(_number(token)) if token.type == "NUMBER" else str(token), _start(token))

    def member(self, children: Children) -> Node:
        name = _property(str(children[2]), _start(children[2]))
        return _node("member", children, [children[0]], (name, children[1] == "?."))

    def element(self, children: Children) -> Node:
        key = children[-2]
        if key.kind == "literal" and isinstance(key.value, str):
            _property(key.value, key.start)
        return _node("element", children, [children[0], key], children[1] == "?.")

    def call(self, children: Children) -> Node:
        name = str(children[2])
        if name not in METHODS:
            raise ExpressionError(f"'{name}' is no method: {_CALLABLE}", _start(children[2]))
        return _node("call", children, [children[0], *_nodes(children[3:])], (name, children[1] == "?."))

    def unary(self, children: Children) -> Node:
        return _node("unary", children, [children[1]], str(children[0]))

    def binary(self, children: Children) -> Node:
        node = children[0]
        for operator, right in zip(children[1::2], children[2::2], strict=True):
            node = _node("binary", [node, right], [node, right], str(operator))
        return node  # type: ignore[no-any-return]

    def logical(self, children: Children) -> Node:
        return _node("logical", children, children[::2], str(children[1]))

    coalescence = logical

    def conditional(self, children: Children) -> Node:
        return _node("conditional", children, children[::2])


def _nodes(children: Children) -> list[Node]:
    """The items between two brackets, if there are any."""
    return next((child for child in children if isinstance(child, list)), [])
