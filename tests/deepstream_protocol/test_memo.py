"""What is remembered of a key, and for how long."""

from __future__ import annotations

import pytest

from deepstream_protocol.memo import Memo


def test_what_was_made_of_a_key_is_made_once() -> None:
    asked: list[str] = []

    def upper(text: str) -> str:
        asked.append(text)
        return text.upper()

    memo = Memo(upper, 10)
    assert [memo["a"], memo["b"], memo["a"]] == ["A", "B", "A"]
    assert asked == ["a", "b"]


def test_no_more_keys_are_kept_than_the_limit_says_and_all_are_answered() -> None:
    memo = Memo(str, 3)
    for number in range(10):
        assert memo[number] == str(number)
        assert len(memo) <= 3
    assert memo[0] == "0"


def test_nothing_is_kept_of_a_key_that_nothing_can_be_made_of() -> None:
    memo = Memo(int, 3)
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            memo["x"]
    assert len(memo) == 0
