"""What is live about one record at this node, and writes of many records, as operations.

``gateway.live.operations`` says what all such operations have in common.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from itertools import islice
from typing import Any

from accounts.operator_login import is_operator
from cluster.operations import OperationError
from gateway.live.rows import LIMIT, SCANNED, bounded
from gateway.node import Node
from gateway.operations import Operation, Operations
from pubsub.connection import Connection
from records.chronicle import Chronicle

MOST_WRITES = 1000
"""Records that one operation writes or deletes."""


class LiveRecords:
    """The operations for ``Operations.add``: ``operations`` are those that they themselves make use of."""

    def __init__(self, node: Node, operations: Operations) -> None:
        self._node = node
        self._perform = operations.perform
        settings = node.config.record
        self._excluded = settings.storage_exclusion_prefixes
        self._chronicle = Chronicle(settings.history.exclude) if settings.history.enabled else None

    def operations(self) -> dict[str, Operation]:
        """The table for ``Operations.add``."""
        return {
            "records.watchers": self._watchers,
            "records.unstored": self._unstored,
            "records.write-many": self._write_many,
            "records.delete-many": self._delete_many,
        }

    async def _watchers(self, name: str, limit: int = LIMIT) -> dict[str, Any]:
        """Who is subscribed to the record here, who provides it, and whether its history is kept."""
        records = self._node.records
        subscribers = [one for one in records.subscriptions.at(name) if not is_operator(one.user)]
        offer = records.listening.provider_of(name)
        return {
            "subscribers": len(subscribers),
            "clients": [_client(one) for one in islice(subscribers, bounded(limit))],
            "provider": None if offer is None else _client(offer.connection) | {"pattern": offer.pattern},
            "stored": not name.startswith(self._excluded),
            "history": self._chronicle is not None and self._chronicle.covers(name),
        }

    async def _unstored(self, prefix: str = "", limit: int = LIMIT) -> dict[str, Any]:
        """Which names that begin with ``prefix`` no list from the database has.

        ``prefixes`` are those of the configuration that concern it, ``names`` the records under them that
        have subscribers here, of the first SCANNED that have any.
        """
        prefixes = [one for one in self._excluded if one.startswith(prefix) or prefix.startswith(one)]
        live = islice(self._node.records.subscriptions.names(), SCANNED) if prefixes else ()
        names = (name for name in live if name.startswith(prefix) and name.startswith(self._excluded))
        return {"prefixes": prefixes, "names": list(islice(names, bounded(limit)))}

    async def _write_many(
        self, records: list[list[Any]], author: str = "", replace: bool = True
    ) -> list[str | None]:
        """Set records, given as ``[name, data]``; of each, why it was not written, or None.

        Without ``replace``, records that exist stay as they are.
        """
        version = -1 if replace else 1
        return await _all_of(
            records,
            [
                self._perform(
                    "record.write", {"name": name, "data": data, "version": version, "author": author}
                )
                for name, data in records[:MOST_WRITES]
            ],
        )

    async def _delete_many(self, names: list[str], author: str = "") -> list[str | None]:
        """Delete records; of each, why it was not deleted, or None."""
        asked = [{"name": name, "author": author} for name in names[:MOST_WRITES]]
        return await _all_of(names, [self._perform("record.delete", one) for one in asked])


async def _all_of(asked: Sequence[Any], writes: list[Awaitable[Any]]) -> list[str | None]:
    """What is wrong with each of ``writes``; those that the others share a commit with are not harmed."""
    problems: list[str | None] = []
    for outcome in await asyncio.gather(*writes, return_exceptions=True):
        if isinstance(outcome, OperationError):
            problems.append(_problem(outcome))
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            problems.append(None)
    unasked = len(asked) - len(problems)
    return problems + [f"not asked for: at most {MOST_WRITES} at a time"] * unasked


def _problem(error: OperationError) -> str:
    if error.code == "conflict":
        return f"exists already, in version {error.details['version']}"
    return error.text


def _client(connection: Connection) -> dict[str, Any]:
    return {"id": connection.id, "user": connection.user.id, "address": connection.address}
