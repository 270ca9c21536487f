"""Differences between JSON values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.differences import MISSING, Difference, differences

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 2}, [Difference("a", 1, 2)]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3, 4]}, "c": None}, [
            Difference("a.b[1]", 2, 3), Difference("a.b[2]", MISSING, 4), Difference("c", MISSING, None),
        ]),
        ({"x": 1, "y": 2}, {"y": 2}, [Difference("x", 1, MISSING)]),
        ({"x": [1]}, {"x": {"0": 1}}, [Difference("x", [1], {"0": 1})]),
        ({"x": True}, {"x": 1}, [Difference("x", True, 1)]),
        ([1], {}, [Difference("", [1], {})]),
    ],
)  # fmt: skip
def test_each_place_that_differs_is_told_once(before: Any, after: Any, found: list[Difference]) -> None:
    assert differences(before, after) == found


@given(JSON, JSON)
def test_there_are_differences_exactly_if_the_values_differ(before: Any, after: Any) -> None:
    assert (differences(before, after) == []) == (repr_of(before) == repr_of(after))


def repr_of(value: Any) -> str:
    """Python's 1 == True and key orders are none of JSON's."""
    if isinstance(value, dict):
        return f"{{{sorted((key, repr_of(inner)) for key, inner in value.items())}}}"
    return f"[{','.join(map(repr_of, value))}]" if isinstance(value, list) else repr(value)


def test_the_number_of_places_is_bounded() -> None:
    assert len(differences({}, {str(number): number for number in range(1000)}, limit=10)) == 10


def test_the_kinds_are_added_removed_and_changed() -> None:
    found = differences({"a": 1, "b": 1}, {"b": 2, "c": None})
    assert [(one.path, one.kind) for one in found] == [("a", "removed"), ("b", "changed"), ("c", "added")]
