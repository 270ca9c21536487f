"""A record is covered once every other node has read that this one wants to hear of it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from cluster.coverage import Coverage


class World:
    """A coverage among ``peers``, its questions, and what it found to be covered."""

    def __init__(self, *peers: str) -> None:
        self.peers = set(peers)
        self.asked: list[int] = []
        self.found: list[tuple[str, ...]] = []
        self._later: list[Callable[[], None]] = []
        self.coverage = Coverage(
            lambda: self.peers, self.asked.append, self._later.append, lambda names: self.find(names)
        )

    def find(self, names: Collection[str]) -> None:
        self.found.append(tuple(names))

    def turn(self) -> None:
        """The event loop's next turn."""
        later, self._later[:] = list(self._later), []
        for call in later:
            call()


def test_a_node_that_is_alone_hears_everything() -> None:
    world = World()
    world.coverage.join("a")
    assert "a" in world.coverage
    assert world.found == []


def test_names_of_one_turn_are_asked_about_together_and_covered_when_all_have_answered() -> None:
    world = World("b", "c")
    world.coverage.join("x")
    world.coverage.join("y")
    world.turn()
    assert world.asked == [1]
    world.coverage.answered("b", 1)
    assert "x" not in world.coverage
    world.coverage.answered("c", 1)
    assert "x" in world.coverage
    assert world.found == [("x", "y")]


def test_names_that_come_while_a_question_is_open_wait_for_the_next() -> None:
    world = World("b")
    world.coverage.join("x")
    world.turn()
    world.coverage.join("y")
    world.turn()
    assert world.asked == [1]
    world.coverage.answered("b", 1)
    assert "y" not in world.coverage
    world.turn()
    world.coverage.answered("b", 2)
    assert world.found == [("x",), ("y",)]


def test_a_name_that_is_left_meanwhile_is_not_covered() -> None:
    world = World("b")
    world.coverage.join("x")
    world.turn()
    world.coverage.leave("x")
    world.coverage.answered("b", 1)
    assert "x" not in world.coverage
    assert world.found == []


def test_nobody_waits_for_a_node_that_is_gone() -> None:
    world = World("b", "c")
    world.coverage.join("x")
    world.turn()
    world.coverage.answered("b", 1)
    world.coverage.gone("c")
    assert world.found == [("x",)]


def test_when_a_node_must_be_told_anew_nothing_is_covered_until_it_answers() -> None:
    world = World("b")
    for name in ("x", "y"):
        world.coverage.join(name)
    world.turn()
    world.coverage.answered("b", 1)
    world.coverage.join("z")
    world.turn()
    world.coverage.uncover()
    assert not any(name in world.coverage for name in "xyz")
    world.coverage.answered("b", 2)  # an answer to what was asked before
    world.turn()
    assert not any(name in world.coverage for name in "xyz")
    world.coverage.answered("b", 3)
    assert sorted(world.found[-1]) == ["x", "y", "z"]


def test_when_the_last_other_node_is_gone_what_was_to_be_covered_is() -> None:
    world = World("b")
    world.coverage.join("x")
    world.peers.clear()
    world.coverage.gone("b")
    world.turn()
    assert "x" in world.coverage
