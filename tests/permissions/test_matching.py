"""Which path's rule counts for a name."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from permissions.matching import CACHED_LENGTH, CACHED_NAMES, PathError, PathPattern, PathTable
from permissions.rule import Rule


def table(*paths: str) -> PathTable:
    """Rules that are told apart by their paths."""
    return PathTable([(PathPattern(path), Rule("true", names=())) for path in paths])


def winner(name: str, *paths: str) -> str | None:
    match = table(*paths).find(name)
    return match and match.pattern.text


@pytest.mark.parametrize(
    ("path", "name", "variables"),
    [
        ("*", "", ()),
        ("*", "a/b\nc", ()),
        ("a/*", "a/", ()),
        ("a/*", "a/b/c", ()),
        ("a/*", "a", None),
        ("a/*", "xa/b", None),
        ("a", "a", ()),
        ("a", "ab", None),
        ("a.b", "a.b", ()),
        ("a.b", "axb", None),
        ("a+(b)[c]", "a+(b)[c]", ()),
        ("a\\d", "a\\d", ()),
        ("a|b", "a", None),
        ("^a", "^a", ()),
        ("$x", "a", ("a",)),
        ("$x", "a/b", None),
        ("$x", "", None),
        ("a/$x", "a/b\nc", ("b\nc",)),
        ("a/$x/$y", "a/b/c", ("b", "c")),
        ("a/$x/$y", "a/b", None),
        ("$1/$longName2", "é/😀", ("é", "😀")),
        ("a-$x.json", "a-b.c.json", ("b.c",)),
        ("$x_y", "a_y", ("a",)),
        ("*/$x", "a/b/c", ("c",)),
        ("$x/*", "a/b/c", ("a",)),
        ("*a*b*", "xaxbx", ()),
        ("é*", "éa", ()),
    ],
)
def test_a_path_matches_whole_names(path: str, name: str, variables: tuple[str, ...] | None) -> None:
    match = table(path).find(name)
    assert (match and match.variables) == variables


@pytest.mark.parametrize("path", ["", "/", "/a", "a/$", "$", "a$/b", "$$x", "$-a", "a/$é", "$x/$x"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(PathError):
        PathPattern(path)


@pytest.mark.parametrize(
    ("name", "paths", "expected"),
    [
        ("a/b", ["*", "a/*"], "a/*"),
        ("a/b", ["a/*", "*"], "a/*"),
        ("a/b", ["a/*", "a/b", "*"], "a/b"),
        ("a/b", ["a/$first", "a/b"], "a/$first"),  # the longer text, though it says less
        ("a/b", ["a/$x", "$y/b"], "$y/b"),
        ("a/b", ["$y/b", "a/$x"], "a/$x"),
        ("a/b", ["a/$x", "$y/b", "*/*b", "*"], "*/*b"),
        ("z", ["a/*", "b/*"], None),
    ],
)
def test_the_longest_path_wins_and_the_later_one_on_a_tie(
    name: str, paths: list[str], expected: str | None
) -> None:
    assert winner(name, *paths) == expected


_NAMES = st.text("ab/", max_size=6)
_PATHS = st.text("ab/*", min_size=1, max_size=5).filter(lambda path: path[0] != "/")


@given(name=_NAMES, paths=st.lists(_PATHS, min_size=1, max_size=5, unique=True))
def test_all_paths_together_find_what_each_by_itself_does(name: str, paths: list[str]) -> None:
    alone = [path for path in paths if table(path).find(name)]
    found = table(*paths)
    assert sorted(match.pattern.text for match in found.matches(name)) == sorted(alone)
    best = max(alone, key=lambda path: (len(path), paths.index(path)), default=None)
    assert winner(name, *paths) == best


def test_paths_too_many_for_one_automaton_are_tried_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("permissions.matching._SET_MEMORY", 10_000)
    paths = [f"*{'ab' * 20}{index}*" for index in range(200)]
    found = table("*", *paths)
    assert found._together is None
    match = found.find(f"x{'ab' * 20}77y")
    assert match is not None
    assert match.pattern.text == paths[77]
    assert found.find("other") == found.matches("other")[0]


def test_a_name_made_to_take_exponential_time_takes_none() -> None:
    found = table("*a*a*a*a*a*a*a*a*a*a*b", "$a/$b/$c/$d", "*")
    started = time.process_time()
    match = found.find("a" * 200_000)
    assert match is not None
    assert match.pattern.text == "*"
    assert time.process_time() - started < 5


def test_a_name_that_no_client_can_send_matches_nothing() -> None:
    found = table("*")
    assert found.find("\ud83d") is None
    assert found.matches("\ud83d") == []


def test_only_so_many_and_only_short_names_are_remembered() -> None:
    found = table("*")
    assert found.find("x" * (CACHED_LENGTH + 1)) == found.find("y" * (CACHED_LENGTH + 1))
    assert found._remembered.cache_info().currsize == 0
    for index in range(CACHED_NAMES + 100):
        found.find(f"name {index}")
    assert found._remembered.cache_info().currsize == CACHED_NAMES


def test_only_so_many_and_only_short_names_are_remembered_as_open() -> None:
    found = table("*")
    found.remember_open("x" * (CACHED_LENGTH + 1))
    assert not found.open_names
    for index in range(CACHED_NAMES + 100):
        found.remember_open(f"name {index}")
    assert len(found.open_names) == 100


@pytest.mark.parametrize(
    ("rules", "is_open"),
    [
        ({"*": "true"}, True),
        ({"*": "true", "a/*": "(true)"}, True),
        ({"*": "true", "a/*": "false"}, False),
        ({"*": "1 === 1"}, False),
        ({"a/*": "true"}, False),
        ({}, False),
    ],
)
def test_a_table_is_open_if_nothing_can_be_refused(rules: dict[str, str], *, is_open: bool) -> None:
    entries = [(PathPattern(path), Rule(rule, names=())) for path, rule in rules.items()]
    assert PathTable(entries).is_open == is_open
