"""JavaScript's regular expressions, run by re2 in linear time.

The source is read as JavaScript reads it and written anew for re2, so that nothing which only re2 knows gets
in. Refused, because re2 cannot do them: look-around, back-references, the flags ``m``, ``y``, ``d`` and
``v``, repeats over 1000. Matching is by characters, as with the flag ``u``, whether it is given or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import re2

MAX_SOURCE = 1000
"""Characters in a pattern; some rules take theirs from a client's data."""

_SPACES = r"\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}"
_NO_SPACES = (
    r"\x{0}-\x{8}\x{e}-\x{1f}!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}"
    r"\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}"
)
_SHARED = frozenset("dDwW")
_CONTROLS = {"n": 0x0A, "r": 0x0D, "t": 0x09, "f": 0x0C, "v": 0x0B, "0": 0x00}
_TOKEN = re.compile(
    r"""
      \\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})
    | \\(?:x(?P<hex2>[0-9a-fA-F]{2}) | u(?P<hex4>[0-9a-fA-F]{4}) | u\{(?P<braced>[0-9a-fA-F]{1,6})\})
    | \\c(?P<control>[a-zA-Z])
    | \\(?P<property>[pP]\{(?:(?:Script|sc)=)?[A-Za-z_]+\})
    | \\(?P<escape>.)
    | (?P<repeat>[*+?]\?? | \{[0-9]+(?:,[0-9]*)?\}\??)
    | (?P<group>\(\?<[A-Za-z_][A-Za-z0-9_]*> | \(\?: | \(\?<?[=!] | \((?!\?))
    | (?P<char>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class PatternError(ValueError):
    """A pattern that JavaScript or re2 would refuse, or that they would read differently."""


class RegularExpression:
    """A JavaScript regular expression: its source, its flags, and the re2 pattern that does the work."""

    __slots__ = ("flags", "pattern", "source")

    def __init__(self, source: str, flags: str = "") -> None:
        """Compile; raises ``PatternError``."""
        if len(source) > MAX_SOURCE:
            raise PatternError(f"a regular expression has at most {MAX_SOURCE} characters")
        if len(set(flags)) != len(flags) or not set(flags) <= set("gisu"):
            raise PatternError(f"the flags '{flags}' of a regular expression: only g, i, s and u, each once")
        self.source = source
        self.flags = flags
        self.pattern = _compiled(source, flags.replace("g", ""))

    def __str__(self) -> str:
        return f"/{self.source}/{self.flags}"


@lru_cache(maxsize=256)
def _compiled(source: str, flags: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = "i" not in flags
    try:
        return re2.compile(_Translation(source, flags).text, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise PatternError(f"the regular expression /{source}/ cannot be used: {error}") from error


class _Translation:
    """One pattern on its way from JavaScript's syntax to re2's; ``text`` is the outcome."""

    def __init__(self, source: str, flags: str) -> None:
        self._unicode = "u" in flags
        self._any = "(?s:.)" if "s" in flags else r"[^\n\r\x{2028}\x{2029}]"
        self._tokens = _TOKEN.finditer(source)
        self._repeatable = False
        self._groups: set[str] = set()
        self.text = "".join(self._piece(token) for token in self._tokens)

    def _piece(self, token: re.Match[str]) -> str:
        if token["repeat"]:
            return self._repeat(token["repeat"])
        self._repeatable = True
        if token["group"]:
            return self._group(token["group"])
        if token["char"]:
            return self._char(token["char"])
        if token["escape"] in ("b", "B"):
            self._repeatable = False
            return token[0]
        found = self._escape(token, in_class=False)
        return _literal(found) if isinstance(found, int) else found

    def _repeat(self, text: str) -> str:
        if not self._repeatable:
            raise PatternError(f"nothing to repeat before '{text}' in a regular expression")
        self._repeatable = False
        return text

    def _group(self, text: str) -> str:
        if text[-1] in "=!":
            raise PatternError("look-ahead and look-behind are not possible in a rule's regular expression")
        self._repeatable = False
        if text in self._groups:
            raise PatternError(f"two groups of a regular expression have one name: '{text}'")
        if "<" in text:
            self._groups.add(text)
        return text.replace("?<", "?P<")

    def _char(self, char: str) -> str:
        if char == "[":
            return self._class()
        if char in "^$|":
            self._repeatable = False
            return {"^": r"\A", "$": r"\z", "|": "|"}[char]
        if char == "(":
            raise PatternError("'(?' in a regular expression is followed by what is not possible here")
        if char in ".)":
            return self._any if char == "." else ")"
        if char == "\\":
            raise PatternError("a regular expression ends with a backslash")
        if self._unicode and char in "{}]":
            raise PatternError(f"a lone '{char}' in a regular expression with the flag u")
        return _literal(ord(char))

    def _escape(self, token: re.Match[str], *, in_class: bool) -> int | str:
        """A backslash and what follows: a character's number, or re2's text for a set of characters."""
        if token["high"]:
            high, low = int(token["high"], 16), int(token["low"], 16)
            return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
        if token["control"]:
            return ord(token["control"]) % 32
        if token["property"] or token["braced"]:
            return self._unicode_escape(token)
        if token["hex2"] or token["hex4"]:
            return int(token["hex2"] or token["hex4"], 16)
        return self._simple_escape(token["escape"], in_class=in_class)

    def _unicode_escape(self, token: re.Match[str]) -> int | str:
        if not self._unicode:
            raise PatternError(f"'{token[0]}' in a regular expression needs the flag u")
        if token["braced"]:
            return int(token["braced"], 16)
        return "\\" + re.sub(r"(?:Script|sc)=", "", token["property"])

    def _simple_escape(self, char: str, *, in_class: bool) -> int | str:
        if char in _SHARED:
            return "\\" + char
        if char in "sS":
            spaces = _SPACES if char == "s" else _NO_SPACES
            return spaces if in_class else f"[{spaces}]"
        if char in _CONTROLS or (in_class and char == "b"):
            return _CONTROLS.get(char, 0x08)
        if char.isalnum():
            raise PatternError(f"'\\{char}' is not possible in a rule's regular expression")
        return ord(char)

    def _class(self) -> str:
        members = list(self._members())
        negated = members[:1] == ["^"]
        text = self._ranges(members[negated:])
        if not text:
            return "(?s:.)" if negated else r"[^\x{0}-\x{10ffff}]"
        return f"[{'^' if negated else ''}{text}]"

    def _members(self) -> Iterator[int | str]:
        """What stands between brackets: characters' numbers, re2's text for sets, bare ``-`` and ``^``."""
        first = True
        for token in self._tokens:
            text = token[0]
            if text == "]":
                return
            if text[0] == "\\" and len(text) > 1:
                yield self._escape(token, in_class=True)
            else:
                yield from self._bare(text, first=first)
            first = False
        raise PatternError("a '[' in a regular expression is never closed")

    def _bare(self, text: str, *, first: bool) -> Iterator[int | str]:
        """Characters without meaning in a class, though outside they would be a repeat or a group."""
        for char in text:
            yield char if char == "-" or (char == "^" and first) else ord(char)
            first = False

    def _ranges(self, members: list[int | str]) -> str:
        pieces: list[str] = []
        at = 0
        while at < len(members):
            low, dash, high = (*members[at : at + 3], None, None)[:3]
            if dash == "-" and high is not None:
                pieces.append(f"{_bound(low)}-{_bound(high)}")
                at += 3
            else:
                pieces.append(low if isinstance(low, str) and low != "-" else _bound(low))
                at += 1
        return "".join(pieces)


def _bound(member: int | str | None) -> str:
    if member == "-":
        return _literal(ord("-"))
    if not isinstance(member, int):
        raise PatternError("a range in a regular expression needs a character on either side of '-'")
    return _literal(member)


def _literal(number: int) -> str:
    """One character, so that re2 takes it for nothing else."""
    if 0xD800 <= number <= 0xDFFF or number > 0x10FFFF:
        raise PatternError("half of a surrogate pair in a regular expression")
    return chr(number) if chr(number).isalnum() and number < 128 else f"\\x{{{number:x}}}"
