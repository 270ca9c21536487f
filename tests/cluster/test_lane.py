"""A lane numbers what it sends, so that nothing is lost in silence."""

from __future__ import annotations

import pytest

from cluster.lane import MAX_BATCH, MAX_WAITING, Batch, Incoming, Outgoing


def items(batch: Batch) -> list[object]:
    return [item[0] for item in batch.items]


def test_what_waits_goes_out_together_and_in_order() -> None:
    lane = Outgoing(7)
    for number in range(5):
        lane.add([number], 10)
    batch = lane.take()
    assert (batch.epoch, batch.number, items(batch)) == (7, 1, [0, 1, 2, 3, 4])
    assert (len(lane), lane.size) == (0, 0)


def test_a_batch_is_split_where_it_would_be_too_large_but_a_large_item_goes_alone() -> None:
    lane = Outgoing(1)
    for number, size in enumerate([MAX_BATCH // 2, MAX_BATCH // 3, MAX_BATCH // 2, 5 * MAX_BATCH, 1]):
        lane.add([number], size)
    assert [items(lane.take()) for _ in range(4)] == [[0, 1], [2], [3], [4]]


def test_a_receiver_takes_each_batch_once() -> None:
    lane = Incoming()
    first, second = Batch(3, 1, []), Batch(3, 2, [])
    assert [lane.is_new(batch) for batch in (first, first, second, first, second)] == [
        True, False, True, False, False,
    ]  # fmt: skip
    assert lane.is_whole


@pytest.mark.parametrize("batches", [[(3, 2)], [(3, 1), (3, 3)], [(3, 1), (4, 2)]])
def test_a_batch_that_is_missing_is_noticed(batches: list[tuple[int, int]]) -> None:
    lane = Incoming()
    for epoch, number in batches:
        assert lane.is_new(Batch(epoch, number, []))
    assert not lane.is_whole


def test_a_new_epoch_makes_the_lane_whole_again_and_an_old_one_is_not_listened_to() -> None:
    lane = Incoming()
    lane.is_new(Batch(3, 2, []))
    assert lane.is_new(Batch(4, 1, []))
    assert lane.is_whole
    assert not lane.is_new(Batch(3, 3, []))
    assert lane.is_whole


def test_the_last_batch_is_missed_when_the_sender_says_that_there_was_one() -> None:
    lane = Incoming()
    lane.check(3, 0)
    assert not lane.has_begun
    lane.is_new(Batch(3, 1, []))
    lane.check(3, 1)
    assert lane.is_whole
    lane.check(3, 2)
    assert not lane.is_whole


def test_what_waits_too_long_is_dropped_counted_and_noticed_by_the_receiver() -> None:
    lane, heard = Outgoing(1), Incoming()
    lane.add(["first"], 10)
    heard.is_new(lane.take())
    half = MAX_WAITING // 2
    assert lane.add(["a"], half)
    assert not lane.add(["b"], half)
    assert (lane.dropped, len(lane), lane.size) == (2, 0, 0)
    lane.add(["c"], 1)
    assert heard.is_new(lane.take())
    assert not heard.is_whole
