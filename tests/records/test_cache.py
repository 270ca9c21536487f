"""Tests of the records in memory."""

from __future__ import annotations

from records.cache import RecordCache
from records.state import RecordState


def state(version: int = 1, size: int = 0) -> RecordState:
    return RecordState(version, text='"' + "x" * size + '"')


def test_what_was_put_is_there_until_it_is_discarded() -> None:
    cache, kept = RecordCache(10_000), state()
    assert cache.get("a") is None
    cache.put("a", kept)
    assert cache.get("a") is kept
    cache.discard("a")
    cache.discard("a")
    assert cache.get("a") is None
    assert (len(cache), cache.size) == (0, 0)


def test_a_new_state_takes_the_place_of_the_old_one_and_of_its_size() -> None:
    cache = RecordCache(10_000)
    cache.put("a", state(1, 1000))
    large = cache.size
    cache.put("a", newer := state(2, 10))
    assert cache.get("a") is newer
    assert len(cache) == 1
    assert cache.size < large - 900


def test_what_was_used_longest_ago_is_dropped_when_it_gets_too_much() -> None:
    cache = RecordCache(10_000)
    for name in "abc":
        cache.put(name, state(size=1000))
    cache.get("a")
    cache.put("d", state(size=1400))
    assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]
    assert cache.size <= 10_000


def test_the_newest_record_is_kept_however_large() -> None:
    cache = RecordCache(0)
    cache.put("a", state())
    cache.put("b", huge := state(size=100_000))
    assert cache.get("a") is None
    assert cache.get("b") is huge


def test_what_is_held_is_bounded_whatever_is_put() -> None:
    cache = RecordCache(50_000)
    for number in range(2000):
        cache.put(f"r{number % 300}", state(number, number % 700))
        assert cache.size <= 50_000
    for number in range(300):
        cache.discard(f"r{number}")
    assert (len(cache), cache.size) == (0, 0)


def test_a_state_makes_text_of_a_value_and_a_value_of_text_when_asked() -> None:
    assert RecordState(1, value={"a": [1, None]}).text == '{"a":[1,null]}'
    assert RecordState(1, text='{"a": 1.0}').value == {"a": 1.0}
    given = RecordState(1, text='{"a": 1.0}')
    assert given.text == '{"a": 1.0}'
    assert repr(RecordState(3, text="[]")) == "RecordState(3, [])"
