"""Who is what where: every node ends with what the owner says, and is told of each change once."""

from __future__ import annotations

import random

import pytest

from cluster.replicated_set import ReplicatedSet

Change = tuple[str, str, str, bool]


def watched() -> tuple[ReplicatedSet, list[Change]]:
    changes: list[Change] = []
    return ReplicatedSet(lambda *change: changes.append(change)), changes


def test_what_a_node_joins_and_leaves_is_known_and_told_once() -> None:
    known, changes = watched()
    known.add("b", "rpc", ["add", "sub"])
    known.add("b", "rpc", ["add"])
    known.add("c", "rpc", ["add"])
    assert list(known.nodes_at("rpc", "add")) == ["b", "c"]
    assert set(known.names("rpc")) == {"add", "sub"}
    known.remove("b", "rpc", ["add", "none"])
    assert list(known.nodes_at("rpc", "add")) == ["c"]
    assert changes == [
        ("b", "rpc", "add", True),
        ("b", "rpc", "sub", True),
        ("c", "rpc", "add", True),
        ("b", "rpc", "add", False),
    ]


def test_a_node_that_is_gone_is_nothing_any_more() -> None:
    known, changes = watched()
    known.add("b", "rpc", ["add"])
    known.add("b", "presence", ["ann"])
    changes.clear()
    known.remove_node("b")
    assert sorted(changes) == [("b", "presence", "ann", False), ("b", "rpc", "add", False)]
    assert not known.nodes_at("rpc", "add")
    assert not known.names("presence")


def test_a_node_that_tells_everything_anew_is_what_it_says_and_only_that() -> None:
    known, changes = watched()
    known.add("b", "rpc", ["stays", "goes"])
    changes.clear()
    known.begin("b")
    known.add("b", "rpc", ["stays", "new"])
    known.end("b")
    assert changes == [("b", "rpc", "new", True), ("b", "rpc", "goes", False)]


def test_what_is_joined_and_left_again_while_everything_is_told_ends_as_the_last_word() -> None:
    known, _ = watched()
    known.add("b", "rpc", ["x"])
    known.begin("b")
    known.remove("b", "rpc", ["x"])
    known.end("b")
    assert not known.nodes_at("rpc", "x")
    known.begin("b")
    known.add("b", "rpc", ["x"])
    known.remove("b", "rpc", ["x"])
    known.end("b")
    assert not known.nodes_at("rpc", "x")


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_lost_in_between_a_new_beginning_makes_it_whole(seed: int) -> None:
    chance = random.Random(seed)
    own, _ = watched()
    copy, changes = watched()
    for _ in range(200):
        role, name = chance.choice(["rpc", "event"]), str(chance.randrange(10))
        if chance.random() < 0.5:
            if own.join(role, name) and chance.random() < 0.8:
                copy.add("b", role, [name])
        elif own.leave(role, name) and chance.random() < 0.8:
            copy.remove("b", role, [name])
    copy.begin("b")
    for role, names in own.own().items():
        copy.add("b", role, names)
    copy.end("b")
    for role in ("rpc", "event"):
        assert set(copy.names(role)) == set(own.own().get(role, ()))
    present: dict[tuple[str, str], bool] = {}
    for _, role, name, joined in changes:
        assert present.get((role, name), False) is not joined
        present[role, name] = joined
