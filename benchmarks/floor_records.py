"""Records of the least servers: stored as ours are, and nothing else."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import django
import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from records.storage import RecordStore, Row

_GATHERING = 0.002
"""Seconds that a commit waits at the most for those who have just been answered."""


class Records:
    """Every record's version and data, and the writes of one group commit; all writers are waited for."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._states: dict[str, tuple[int, dict[str, Any]]] = defaultdict(lambda: (-1, {}))
        self._ids: dict[str, int] = {}
        self._rows: list[Row] = []
        self._told: list[Callable[[], object]] = []
        self._expected = 0
        self._running: asyncio.Task[None] | None = None
        self._gathering: asyncio.Future[None] | None = None

    def version(self, name: str) -> int:
        """The version of the record ``name``."""
        return self._states[name][0]

    def write(self, message: Message, tell: Callable[[], object]) -> None:
        """Store a patch of a top-level key of a record that nobody else writes to, then ``tell``."""
        name, path, version = message.name or "", message.path or "", message.version or 0
        base, data = self._states[name]
        data[path] = message.value()
        self._states[name] = version, data
        text = orjson.dumps(data).decode()
        self._rows.append(Row(name, base, version, text, self._ids.get(name, 0)))
        self._told.append(tell)
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())
        elif self._gathering is not None and len(self._rows) >= self._expected:
            _finish(self._gathering)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._rows:
            rows, told, self._rows, self._told = self._rows, self._told, [], []
            refused, made = await self._store.commit(rows)
            if refused:
                raise RuntimeError("a write was refused")
            self._ids |= made
            for tell in told:
                tell()
            self._expected = len(rows)
            if len(self._rows) < self._expected:
                self._gathering = loop.create_future()
                timer = loop.call_later(_GATHERING, _finish, self._gathering)
                await self._gathering
                timer.cancel()
                self._gathering = None
        self._running = None


def stored_records() -> Records:
    """Records in the database that the server was given."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deepstream_project.settings")
    django.setup()
    from gateway.server import SWITCH_INTERVAL
    from records.store import DatabaseStore

    sys.setswitchinterval(SWITCH_INTERVAL)
    return Records(DatabaseStore())


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def acknowledgement(write: Message) -> Message:
    """The answer to a write that is stored."""
    reply = Message(Topic.RECORD, RecordAction.WRITE_ACKNOWLEDGEMENT)
    reply.name, reply.correlation_id, reply.is_write_ack = write.name, write.correlation_id, True
    return reply
