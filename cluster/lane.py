"""The lane from one node to another: what waits to be sent, in numbered batches."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

MAX_BATCH = 256 * 1024
"""Bytes of one layer message, unless a single item is larger."""

MAX_WAITING = 64 * 1024 * 1024
"""Bytes that wait for a layer that does not take them; what comes then is dropped, and healed later."""

OVERHEAD = 16
"""Bytes that an item costs beside its payload."""

Item = list[Any]
"""One thing told: its kind, and what belongs to that. Lists, texts, numbers and bytes only."""


class Batch(NamedTuple):
    """What one layer message carries: the ``number``-th of its ``epoch``, from 1."""

    epoch: int
    number: int
    items: list[Item]


class Outgoing:
    """Items for one node, in order.

    An *epoch* begins with all that the receiver must know; within it batches are numbered, so that a
    receiver notices what it missed and asks for a new epoch.
    """

    __slots__ = ("_number", "_waiting", "dropped", "epoch", "sent", "size")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.size = 0
        self.dropped = 0
        self.sent = 0
        self._number = 0
        self._waiting: deque[tuple[Item, int]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: Item, size: int) -> bool:
        """Queue ``item`` of about ``size`` bytes; False when it, and all that waited, had to be dropped."""
        if self.size + size > MAX_WAITING:
            self.dropped += len(self._waiting) + 1
            self._waiting.clear()
            self.size = 0
            self._number += 1  # a hole in the numbers is how the receiver learns of it
            return False
        self._waiting.append((item, size + OVERHEAD))
        self.size += size + OVERHEAD
        return True

    def begin(self) -> None:
        """Start a new epoch: what is added next is all that the receiver must know."""
        self.epoch += 1
        self._number = self.sent = 0

    def rest(self) -> None:
        """Nothing waits: all that has a number was sent, or dropped, and the receiver may be told so."""
        self.sent = self._number

    def take(self) -> Batch:
        """The next batch; something must wait."""
        items: list[Item] = []
        room = MAX_BATCH
        while self._waiting and (not items or self._waiting[0][1] <= room):
            item, size = self._waiting.popleft()
            items.append(item)
            room -= size
            self.size -= size
        self._number += 1
        return Batch(self.epoch, self._number, items)


class Incoming:
    """What was heard of one node's lane to this one; ``is_whole`` unless something was missed since the
    epoch began."""

    __slots__ = ("_epoch", "_number", "is_whole")

    def __init__(self) -> None:
        self._epoch = -1
        self._number = 0
        self.is_whole = False

    @property
    def has_begun(self) -> bool:
        """Whether anything is known to have been sent."""
        return self._epoch >= 0

    def is_new(self, batch: Batch) -> bool:
        """Whether ``batch`` was not heard before; one that comes again was sent twice."""
        if batch.epoch < self._epoch or (batch.epoch == self._epoch and batch.number <= self._number):
            return False
        expected = self._number + 1 if batch.epoch == self._epoch else 1
        if batch.number != expected:
            self.is_whole = False
        elif batch.number == 1:
            self.is_whole = True
        self._epoch, self._number = batch.epoch, batch.number
        return True

    def check(self, epoch: int, number: int) -> None:
        """The sender says how far it got; what was not heard by now never will be."""
        if number and (epoch, number) > (self._epoch, self._number):
            self.is_whole = False
            self._epoch, self._number = epoch, number
