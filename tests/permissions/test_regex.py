"""Regular expressions: JavaScript's meaning, re2's time."""

from __future__ import annotations

import time

import pytest

from permissions.javascript import RuleError
from permissions.methods import match
from permissions.regex import MAX_SOURCE, PatternError, RegularExpression


@pytest.mark.parametrize(
    ("source", "flags"),
    [
        *((source, "") for source in ("(?=a)", "(?!a)", "(?<=a)", "(?<!a)", r"(a)\1", r"(?<n>a)\k<n>")),
        *((source, "") for source in ("(", ")", "[a", "a**", "*a", "(?i)a", "(?P<n>a)", "a{1001}", "[b-a]")),
        *(
            (source, "")
            for source in (r"\Aa", r"a\z", r"\Qa\E", r"\pL", r"\x{61}", r"[\d-z]", "a\\", r"\u{61}")
        ),
        *((source, "") for source in ("^*", "(?:a|*)", r"\ud83d", "[\\ud83d]", "(?<n>a)(?<n>b)")),
        *(("a", flags) for flags in ("m", "y", "d", "v", "x", "gg")),
        ("a}", "u"),
        ("a" * (MAX_SOURCE + 1), ""),
    ],
)
def test_what_re2_cannot_do_or_javascript_would_not_do_is_refused(source: str, flags: str) -> None:
    with pytest.raises(PatternError):
        RegularExpression(source, flags)


@pytest.mark.parametrize(
    ("source", "text", "matches"),
    [
        ("^a$", "a\n", False),  # in Python a $ would match before the line's end
        ("^b", "a\nb", False),
        (".", "\r", False),
        (".", "\x85", True),
        (r"^\s$", "\v", True),
        (r"^\s$", "\u2003", True),
        (r"^\S$", "\u2003", False),
        (r"^[^\s]$", "\ufeff", False),
        (r"^[\S]$", "a", True),
        (r"^\w$", "é", False),
        (r"^\d$", "٣", False),
        (r"^[\b]$", "\b", True),
        ("^[[:alpha:]]$", "a]", True),  # a class of these characters, and then a bracket
        ("^[a-]$", "-", True),
        ("^[-a]$", "-", True),
        ("^[a^]$", "^", True),
        ("^[.*+?(){}|$]+$", ".*+?(){}|$", True),
        ("^{}$", "{}", True),
        ("^a{,2}$", "a{,2}", True),
        ("^a{2,}$", "aaa", True),
        (r"^\u0061\x62\cJ\0$", "ab\n\0", True),
        (r"^\ud83d\ude00$", "😀", True),
        ("^😀+$", "😀😀", True),
        (r"^\/\-\_\.$", "/-_.", True),
        ("^(?:a|b)+?c$", "abac", True),
        ("[]", "a", False),
        ("^[^]$", "\n", True),
        ("(?:)", "", True),
    ],
)
def test_a_pattern_matches_as_in_javascript(source: str, text: str, *, matches: bool) -> None:
    assert (match(text, RegularExpression(source)) is not None) == matches


def test_a_pattern_made_to_take_exponential_time_takes_none() -> None:
    started = time.process_time()
    for source in ("^(a+)+$", "^(a|a)*$", "^(.*)*b$", "(x+x+)+y"):
        assert match("a" * 100_000 + "!", RegularExpression(source)) is None
    assert time.process_time() - started < 5


@pytest.mark.parametrize("pattern", ["(", "(?=a)", "a" * 2_000, "[z-a]"])
def test_a_bad_pattern_from_data_is_an_error_of_the_rule(pattern: str) -> None:
    with pytest.raises(RuleError):
        match("text", pattern)


def test_half_a_surrogate_pair_is_an_error_of_the_rule() -> None:
    with pytest.raises(RuleError):
        match("a\ud83d", RegularExpression("a"))
