"""The tokens of an expression, as JavaScript cuts them.

Two things in JavaScript depend on what stood before, so that lark's own lexers cannot do them: a slash begins
a regular expression or divides, and a brace ends an object or goes on with a template string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lark import Token
from lark.lexer import Lexer

from permissions.syntax import MAX_DEPTH, ExpressionError

_TOKEN = re.compile(
    r"""
      (?P<space>(?:[\s\ufeff] | //[^\n\r\u2028\u2029]* | /\*.*?\*/)+)
    | (?P<NUMBER>(?:0[xX][0-9a-fA-F](?:_?[0-9a-fA-F])* | 0[oO][0-7](?:_?[0-7])* | 0[bB][01](?:_?[01])*
        | (?:(?:0|[1-9](?:_?[0-9])*)(?:\.(?:[0-9](?:_?[0-9])*)?)? | \.[0-9](?:_?[0-9])*)
          (?:[eE][+-]?[0-9](?:_?[0-9])*)?)(?![\w$]))
    | (?P<NAME>(?:[^\W\d]|\$)[\w$]*)
    | (?P<STRING>"(?:[^"\\\n\r]|\\(?:\r\n|.))*" | '(?:[^'\\\n\r]|\\(?:\r\n|.))*')
    | (?P<mark>=== | !== | == | != | <= | >= | && | \|\| | \?\? | \?\.(?![0-9]) | [-+!<>?:,.()\[\]{}*%/])
    """,
    re.VERBOSE | re.DOTALL,
)
_NEVER = re.compile(r"=> | \+\+ | -- | \*\* | \.\.\. | >>>? | << | (?:[-+*/%&|^]|&&|\|\||\?\?)=", re.VERBOSE)
_REGEXP = re.compile(
    r"/(?![*/])(?:[^\\/\[\n\r\u2028\u2029]|\\[^\n\r\u2028\u2029]|\[(?:[^\]\\\n\r]|\\[^\n\r])*\])+/[\w$]*"
)
_TEMPLATE = re.compile(r"[`}](?:[^`\\$]|\\(?:\r\n|.)|\$(?!\{))*(?P<end>`|\$\{)", re.DOTALL)

_MARKS = {
    **dict.fromkeys(("===", "!==", "==", "!="), "EQUALITY"),
    **dict.fromkeys(("<", "<=", ">", ">="), "RELATIONAL"),
    "&&": "AND",
    "||": "OR",
    "??": "COALESCE",
    "!": "NOT",
    "?": "QUESTION",
    ":": "COLON",
    ",": "COMMA",
    "+": "PLUS",
    "-": "MINUS",
    "*": "STAR",
    "/": "SLASH",
    "%": "PERCENT",
    ".": "DOT",
    "?.": "OPTIONAL",
    "(": "LPAR",
    ")": "RPAR",
    "[": "LSQB",
    "]": "RSQB",
    "{": "LBRACE",
    "}": "RBRACE",
}
_RESERVED = (
    *("arguments", "async", "await", "break", "case", "catch", "class", "const", "continue", "debugger"),
    *("default", "delete", "do", "else", "enum", "eval", "export", "extends", "finally", "for", "function"),
    *("if", "import", "instanceof", "let", "new", "return", "static", "super", "switch", "this", "throw"),
    *("try", "var", "void", "while", "with", "yield"),
)
_WORDS = {
    **dict.fromkeys(("true", "false", "null", "undefined", "NaN", "Infinity"), "WORD"),
    "typeof": "TYPEOF",
    "in": "IN",
    **dict.fromkeys(_RESERVED, "RESERVED"),
}
_OPERAND_ENDS = frozenset(
    {
        "NAME",
        "WORD",
        "NUMBER",
        "STRING",
        "REGEXP",
        "TEMPLATE_WHOLE",
        "TEMPLATE_TAIL",
        "RPAR",
        "RSQB",
        "RBRACE",
    }
)


class ExpressionLexer(Lexer):
    """Lark's door to ``tokens``."""

    def __init__(self, _configuration: Any) -> None:
        pass

    def lex(self, data: str) -> Iterator[Token]:  # type: ignore[override]
        """The tokens of ``data``; raises ``ExpressionError``."""
        return _Scanner(data).tokens()


class _Scanner:
    """One expression being cut: where it is, what came last, and which brackets are open."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._last = ""
        self._open: list[str] = []

    def tokens(self) -> Iterator[Token]:
        while self._at < len(self._text):
            kind, end = self._next()
            if kind != "space":
                yield Token(kind, self._text[self._at : end], start_pos=self._at, end_pos=end)
                self._last = kind
            self._at = end

    def _next(self) -> tuple[str, int]:
        """Kind and end of the token that begins here."""
        char = self._text[self._at]
        if char == "`" or (char == "}" and self._open[-1:] == ["${"]):
            return self._template(char)
        found = _TOKEN.match(self._text, self._at)
        if found and found["mark"] == "/" and self._last not in _OPERAND_ENDS:
            return self._slash()
        if found is None or _NEVER.match(self._text, self._at):
            raise self._unreadable(char)
        if found["mark"]:
            return self._mark(found["mark"], found.end())
        if found["NAME"] and self._last not in ("DOT", "OPTIONAL"):
            return _WORDS.get(found["NAME"], "NAME"), found.end()
        return str(found.lastgroup), found.end()

    def _mark(self, mark: str, end: int) -> tuple[str, int]:
        if mark in "([{":
            self._push(mark)
        elif mark in ")]}" and self._open:
            self._open.pop()
        return _MARKS[mark], end

    def _slash(self) -> tuple[str, int]:
        found = _REGEXP.match(self._text, self._at)
        if found is None:
            raise ExpressionError("a regular expression that does not end", self._at)
        return "REGEXP", found.end()

    def _template(self, char: str) -> tuple[str, int]:
        found = _TEMPLATE.match(self._text, self._at)
        if found is None:
            raise ExpressionError("a template string that does not end", self._at)
        goes_on = found["end"] == "${"
        if char == "}":
            self._open.pop()
        if goes_on:
            self._push("${")
        if char == "`":
            return ("TEMPLATE_HEAD" if goes_on else "TEMPLATE_WHOLE"), found.end()
        return ("TEMPLATE_MIDDLE" if goes_on else "TEMPLATE_TAIL"), found.end()

    def _push(self, bracket: str) -> None:
        self._open.append(bracket)
        if len(self._open) > MAX_DEPTH:
            raise ExpressionError(f"nested more than {MAX_DEPTH} deep", self._at)

    def _unreadable(self, char: str) -> ExpressionError:
        if char in "'\"":
            return ExpressionError("a string that does not end", self._at)
        if char.isdigit():
            return ExpressionError("a number that is not one", self._at)
        never = _NEVER.match(self._text, self._at)
        return ExpressionError(f"'{never[0] if never else char}' is not part of the language", self._at)
