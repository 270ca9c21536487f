"""Rules as a page shows them: line by line, each part with what it is, and each problem at its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import yaml

from permissions.document import Problem

LONGEST = 100_000
"""Characters of a text that is coloured; a longer one is shown plainly, because it would take seconds."""

_EXPRESSION = re.compile(
    r"""
      (?P<string>(?P<quote>\\?["'`])(?:\\.|(?!(?P=quote)).)*(?P=quote))
    | (?P<comment>//[^\n]*|/\*.*?\*/)
    | (?P<variable>\$\w+)
    | (?P<constant>\b(?:true|false|null|undefined|NaN|Infinity)\b)
    | (?P<keyword>\b(?:typeof|in)\b)
    | (?P<number>\b\d[\w.]*)
    | (?P<reference>(?<![\w.$])_(?=\s*\())
    | (?P<name>(?<![\w.$])(?:user|data|oldData|now|action|actionName|name)\b)
    | (?P<operator>[-+*/%!<>=&|?:]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*", re.MULTILINE)
_CONSTANTS = frozenset({"true", "false", "null", "~", "yes", "no", "on", "off"})


class Span(NamedTuple):
    """Characters ``start`` to ``end`` of a text, and what they are."""

    start: int
    end: int
    kind: str


class Part(NamedTuple):
    """A piece of a line; ``kind`` is empty for what is nothing special."""

    kind: str
    text: str


@dataclass(slots=True)
class Line:
    """A line of the rules and what is wrong there."""

    number: int
    parts: list[Part]
    problems: list[Problem] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The line without its parts."""
        return "".join(part.text for part in self.parts)


def lines_of(source: str, problems: Iterable[Problem] = ()) -> list[Line]:
    """The lines of ``source``, YAML or JSON, whether or not it can be parsed.

    A part is a ``key``, ``comment``, ``string``, ``number``, ``constant``, ``punctuation`` or, in an
    expression, also a ``name``, ``variable``, ``reference``, ``operator`` or ``keyword``. A problem whose
    line nobody knows is at the first.
    """
    at_line: dict[int, list[Problem]] = {}
    for problem in problems:
        at_line.setdefault(problem.source_line or 1, []).append(problem)
    spans = list(_spans(source)) if len(source) <= LONGEST else []
    texts = _cut(source, spans)
    if len(texts) > 1 and not texts[-1]:
        texts.pop()  # a line that ends is no beginning of another
    last = len(texts)
    lines = [Line(number, parts) for number, parts in enumerate(texts, 1)]
    for number, found in at_line.items():
        lines[min(number, last) - 1].problems += found
    return lines


def expression_parts(expression: str) -> list[Part]:
    """The parts of one rule's expression, as it is after parsing."""
    [parts] = _cut(expression.replace("\n", " "), list(_expression(expression, 0, len(expression))))
    return parts


def _cut(source: str, spans: Sequence[Span]) -> list[list[Part]]:
    """The parts of each line; a span over several lines is a part of each."""
    lines: list[list[Part]] = [[]]

    def put(kind: str, text: str) -> None:
        for position, piece in enumerate(text.split("\n")):
            if position:
                lines.append([])
            if piece:
                lines[-1].append(Part(kind, piece))

    end = 0
    for span in spans:
        put("", source[end : span.start])
        put(span.kind, source[span.start : span.end])
        end = span.end
    put("", source[end:])
    return lines


def _spans(source: str) -> Iterator[Span]:
    """What is what, in order and without overlap; ends where the text is no YAML any more."""
    end = 0
    is_key = False
    try:
        for token in yaml.scan(source.replace("\t", " "), Loader=yaml.SafeLoader):
            start, stop = token.start_mark.index, token.end_mark.index
            if isinstance(token, yaml.KeyToken):
                is_key = True
            if start >= stop or start < end:
                continue
            yield from _comments(source, end, start)
            end = stop
            if isinstance(token, yaml.ScalarToken):
                yield from [Span(start, stop, "key")] if is_key else _value(source, start, stop, token)
                is_key = False
            else:
                yield Span(start, stop, "punctuation")
    except yaml.YAMLError:
        pass
    yield from _comments(source, end, len(source))


def _comments(source: str, start: int, end: int) -> Iterator[Span]:
    for match in _COMMENT.finditer(source, start, end):
        yield Span(match.start(), match.end(), "comment")


def _value(source: str, start: int, end: int, token: yaml.ScalarToken) -> Iterator[Span]:
    """The parts of a rule."""
    if token.plain and token.value.lower() in _CONSTANTS:
        yield Span(start, end, "constant")
        return
    if token.style in ('"', "'"):
        yield Span(start, start + 1, "punctuation")
        yield from _expression(source, start + 1, end - 1)
        yield Span(end - 1, end, "punctuation")
    else:
        yield from _expression(source, start, end)


def _expression(source: str, start: int, end: int) -> Iterator[Span]:
    for match in _EXPRESSION.finditer(source, start, end):
        kind = match.lastgroup
        assert kind is not None
        yield Span(match.start(), match.end(), "string" if kind == "quote" else kind)
