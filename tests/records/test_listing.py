"""Lists of records by name, in pages: what is in them, and that their borders neither lose nor repeat any."""

from __future__ import annotations

import random
from itertools import product

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from records import listing
from records.listing import Branch, branches, counted, counts, names_after, names_by, names_with, successor
from records.models import Record
from tests.records.history_kit import postgresql_with_history, using

__all__ = ["postgresql_with_history", "using"]

NAMES = [
    "a", "a!", "a/", "a//x", "a/b", "a/b/c", "a/b/d", "a/\U0010ffff/x", "a/é", "a0", "A/b",
    "z/\ud7ff", "z/\ue000", "ä", "日本/1", "日本/2", "🚗", "%", "_/x", "\U0010ffff", "\U0010ffff/y",
]  # fmt: skip


@pytest.fixture
def names(using: str) -> list[str]:
    """Records with all NAMES; the names in the order of their characters."""
    shuffled = random.Random(3).sample(NAMES, len(NAMES))
    Record.objects.using(using).bulk_create(Record(name=name, version=1, data={}) for name in shuffled)
    return sorted(NAMES)


@given(st.text(max_size=5), st.text(max_size=5))
def test_a_successor_comes_behind_all_that_start_with_the_prefix_and_before_all_others(
    prefix: str, name: str
) -> None:
    after = successor(prefix)
    assert (name >= prefix and (after is None or name < after)) == name.startswith(prefix)


def test_pages_of_names_are_in_order_and_whole(using: str, names: list[str]) -> None:
    for prefix, limit in product(("", "a", "a/", "z/\ud7ff", "\U0010ffff", "%", "A", "none"), (1, 2, 100)):
        seen, after, then = [], "", ""
        while then is not None:
            page = names_after(after, prefix, limit, using)
            seen += page.names
            after = then = page.then  # type: ignore[assignment]
        assert seen == [name for name in names if name.startswith(prefix)], (prefix, limit)


def test_a_search_finds_parts_of_names_and_says_where_to_go_on(
    using: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names_with("B/", "", "", 10, using).names == ["a/b/c", "a/b/d"]
    assert names_with("b/", "", "", 1, using) == (["a/b/c"], "a/b/c", True)
    assert names_with("b/", "a/b/c", "", 1, using) == (["a/b/d"], None, True)
    assert names_with("b", "", "A", 10, using).names == ["A/b"]
    assert names_with("%", "", "", 10, using).names == ["%"]
    monkeypatch.setattr(listing, "LOOKED_AT", 5)
    found = names_with("日", "", "", 10, using)
    assert (found.names, found.then, found.is_whole) == ([], names[4], False)
    seen, then = [], ""
    while then is not None:
        found = names_with("日", then, "", 10, using)
        seen += found.names
        then = found.then  # type: ignore[assignment]
    assert seen == ["日本/1", "日本/2"]


def test_other_orders_are_those_of_the_first_records_by_name(
    using: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"s/1": 50, "s/2": 5000, "s/3": 500, "t/1": 9}
    for version, (name, size) in enumerate(sizes.items()):
        data = {"x": random.Random(1).randbytes(size).hex()}  # PostgreSQL packs what can be packed
        Record.objects.using(using).create(name=name, version=version, data=data)
    assert names_by("-size", "", 0, 10, using) == (["s/2", "s/3", "s/1", "t/1"], None, True)
    assert names_by("size", "s/", 1, 1, using) == (["s/3"], "2", True)
    assert names_by("-version", "", 0, 2, using) == (["t/1", "s/3"], "2", True)
    assert names_by("updated", "s/", 0, 10, using).names == ["s/1", "s/2", "s/3"]
    monkeypatch.setattr(listing, "SORTED", 2)
    found = names_by("-version", "", 0, 10, using)
    assert (set(found.names) >= {"s/1", "s/2"}, "t/1" in found.names, found.is_whole) == (True, False, False)


def test_counts_end_at_their_bound(using: str, names: list[str]) -> None:
    assert counted("", 1000, using) == len(names)
    assert counted("a/b", 1000, using) == 3
    assert counted("", 3, using) == 3


def test_prefixes_are_counted_together_as_each_alone(using: str, names: list[str]) -> None:
    prefixes = ["", "a/", "none", "%", "\U0010ffff", "a/"]
    with CaptureQueriesContext(connections[using]) as queries:
        assert counts(prefixes, 3, using) == [3, 3, 0, 1, 2, 3]
    assert len(queries) == 1
    assert counts([], 3, using) == []


def level_of(prefix: str) -> list[Branch]:
    """What the tree has below ``prefix``, made from all names."""
    found = {}
    for name in sorted(NAMES):
        if name.startswith(prefix):
            part, slash, _ = name[len(prefix) :].partition("/")
            found[prefix + part + slash] = bool(slash)
    return [Branch(name, is_folder) for name, is_folder in found.items()]


def test_the_tree_has_each_record_and_folder_of_a_level_once(using: str, names: list[str]) -> None:
    prefixes = ("", "a/", "a//", "a/b/", "日本/", "\U0010ffff/", "a/\U0010ffff/", "none/")
    for prefix, limit in product(prefixes, (2, 3, 100)):
        seen, then = [], ""
        while then is not None:
            page, then = branches(prefix, then, limit, using)  # type: ignore[assignment]
            seen += page
        assert seen == level_of(prefix), (prefix, limit)


def test_a_level_with_many_records_and_folders_is_whole(using: str) -> None:
    names = sorted(f"m/{number}" + "/x" * (number % 7 == 0) for number in range(1000))
    Record.objects.using(using).bulk_create(Record(name=name, data={}) for name in names)
    page, then = branches("m/", "", 1000, using)
    expected = [Branch(name.removesuffix("x"), name.endswith("/x")) for name in names]
    assert (sorted(page), then) == (sorted(expected), None)
