"""What a question to the rules costs: ``python -m benchmarks.valve``.

The limits are 0.3 µs for a rule that is ``true``, and 2 µs for one of two clauses with ``data`` and
``oldData`` in memory, without parsing the message's JSON.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable, Collection
from typing import Any

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from permissions.document import open_document
from permissions.reader import Known
from permissions.ruleset import RuleSet
from pubsub.user import User

CALLS = 500
RUNS = 400


class _Memory:
    """Records that are all in memory."""

    def __init__(self, records: dict[str, tuple[int, Any]]) -> None:
        self.peek: Callable[[str], Known] = records.get

    async def load(self, names: Collection[str]) -> None:
        raise AssertionError(f"{names} should not have to be loaded")


def cases() -> list[tuple[str, float | None, Message]]:
    """What is measured: a title, the limit in microseconds, and the message."""
    bid = Message(
        Topic.RECORD, RecordAction.UPDATE, name="auction/item/bob/7", version=2, data='{"price":120}'
    )
    bid.value()
    patch = Message(
        Topic.RECORD, RecordAction.PATCH, name="auction/item/bob/7", version=2, path="price", data="5"
    )
    patch.value()
    return [
        ("everything is allowed", 0.3, Message(Topic.EVENT, EventAction.EMIT, name="news")),
        ("a rule that is true", 0.3, Message(Topic.RECORD, RecordAction.PATCH, name="open/1")),
        ("a rule that is false", None, Message(Topic.RECORD, RecordAction.PATCH, name="other")),
        (
            "one clause with a variable",
            2.0,
            Message(Topic.RECORD, RecordAction.DELETE, name="auction/item/bob/7"),
        ),
        ("two clauses, data and oldData", 2.0, bid),
        ("the same, of a patch", None, patch),
        ("a cross reference", None, Message(Topic.RECORD, RecordAction.NOTIFY, name="auction/item/bob/7")),
        ("100 names, each true", None, _bulk("open/{}")),
        ("100 names, each refused by an expression", None, _bulk("auction/item/bob/{}")),
    ]


def _bulk(name: str) -> Message:
    return Message(Topic.RECORD, RecordAction.SUBSCRIBE, names=[name.format(index) for index in range(100)])


def rules() -> RuleSet:
    """The rules that are asked: those of VALVE.md's example, and an open path."""
    document: dict[str, Any] = open_document()
    document["record"]["*"] = dict.fromkeys(document["record"]["*"], False)
    document["record"]["open/*"] = {"read": True, "write": True}
    document["record"]["auction/item/$sellerId/$itemId"] = {
        "read": "user.data.isAdmin",
        "write": "user.data.canBid && data.price > oldData.price",
        "delete": "user.id === $sellerId",
        "notify": "_('sellers/' + $sellerId).active",
    }
    memory = {"auction/item/bob/7": (1, {"price": 100}), "sellers/bob": (0, {"active": True})}
    return RuleSet(document, records=_Memory(memory))


def microseconds(ask: Callable[[], object]) -> float:
    """The time of one call, the best of many short runs: others use this machine too."""
    return min(timeit.repeat(ask, number=CALLS, repeat=RUNS)) / CALLS * 1_000_000


def main() -> None:
    """Print the table."""
    check = rules().check
    user = User("bob", server_data={"canBid": True})
    for title, limit, message in cases():
        spent = microseconds(lambda message=message: check(user, message))  # type: ignore[misc]
        verdict = "" if limit is None else f"  (at most {limit}: {'ok' if spent <= limit else 'TOO SLOW'})"
        print(f"{title:45}{spent:8.2f} µs{verdict}")


if __name__ == "__main__":
    main()
