"""Which nodes live: heartbeats, arrivals, farewells and deaths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Member:
    """Another node, where it reads, and when it was last heard (seconds of the loop's clock)."""

    node: str
    channel: str
    heard: float


class Membership:
    """The other nodes that live. A node that is silent for ``timeout`` seconds is taken for dead."""

    def __init__(
        self,
        *,
        timeout: float,
        clock: Callable[[], float],
        on_arrival: Callable[[Member], None],
        on_departure: Callable[[str], None],
    ) -> None:
        self._timeout = timeout
        self._clock = clock
        self._on_arrival = on_arrival
        self._on_departure = on_departure
        self._members: dict[str, Member] = {}

    def __contains__(self, node: str) -> bool:
        return node in self._members

    def nodes(self) -> list[str]:
        """The other nodes that live, in order of arrival."""
        return list(self._members)

    def heard(self, node: str, channel: str) -> None:
        """``node`` gave a sign of life; on a new channel it is another life of it."""
        member = self._members.get(node)
        if member is not None and member.channel == channel:
            member.heard = self._clock()
            return
        if member is not None:
            self.leave(node)
        member = self._members[node] = Member(node, channel, self._clock())
        self._on_arrival(member)

    def leave(self, node: str) -> None:
        """``node`` said goodbye, or is dead."""
        if self._members.pop(node, None) is not None:
            self._on_departure(node)

    def bury(self) -> list[str]:
        """Take leave of the nodes that were silent too long, and return them."""
        latest = self._clock() - self._timeout
        dead = [member.node for member in self._members.values() if member.heard < latest]
        for node in dead:
            self.leave(node)
        return dead
