"""The history read: the versions of a record, and what it was at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db.models import QuerySet

from deepstream_protocol.errors import ProtocolError
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from deepstream_protocol.writes import written
from records.chronicle import FOUND
from records.models import Record, RecordVersion

READ = 200
"""Entries that are read at once on the way back to a whole state."""

MOST = 20_000
"""Entries that one state is made from."""


class NotKept(Exception):
    """The history does not say what the record was; the text says why."""


class Past(NamedTuple):
    """A record as it was: its version and data, -1 and None if there was none; and the entry that made it."""

    version: int
    data: Any
    entry: RecordVersion | None


def versions(name: str, *, before: int | None = None, using: str = "default") -> QuerySet[RecordVersion]:
    """The entries of the record ``name``, the latest first, those older than the entry ``before``."""
    entries = RecordVersion.objects.using(using).filter(name=name).order_by("-id")
    return entries if before is None else entries.filter(id__lt=before)


def state_after(entry: RecordVersion, using: str = "default") -> Any:
    """The data of the record after ``entry``, None if that deleted it; raises NotKept."""
    trail = _back_to_whole(entry, using)
    first = trail[0]
    data: Any = {} if first.state is None else orjson.loads(first.state)
    for one in trail if first.state is None else trail[1:]:
        message = Message(Topic.RECORD, one.action, name=one.name)
        message.path, message.data = one.path, one.data
        try:
            data = written(message, data)
        except (ProtocolError, ValueError, KeyError) as error:
            raise NotKept(f"Version {one.version} does not fit the one before it: {error}.") from None
    return data


def as_of(name: str, at: datetime, using: str = "default") -> Past:
    """The record ``name`` as it was at the time ``at``; raises NotKept."""
    entry = versions(name, using=using).filter(at__lte=at).first()
    if entry is not None:
        return Past(entry.version, state_after(entry, using), entry)
    now = Record.objects.using(using).filter(name=name).first()
    if now is not None and now.updated_at <= at:
        return Past(now.version, now.data, None)
    first = versions(name, using=using).last()
    if first is not None and _made(first):
        return Past(-1, None, None)
    raise NotKept("The history does not go back that far.")


def _back_to_whole(entry: RecordVersion, using: str) -> Sequence[RecordVersion]:
    """The entries up to ``entry`` from the last one on that has the whole state, or that made the record."""
    trail = [entry]
    for older in versions(entry.name, before=entry.id, using=using)[:MOST].iterator(chunk_size=READ):
        if trail[-1].state is not None or older.version != trail[-1].version - 1:
            break
        trail.append(older)
    if trail[-1].state is None and not _made(trail[-1]):
        raise NotKept(f"The history does not say what version {trail[-1].version - 1} was.")
    return trail[::-1]


def _made(entry: RecordVersion) -> bool:
    """Whether ``entry`` made the record: by a patch of one that did not exist, or by itself."""
    return entry.version in (0, 1) and entry.action not in (FOUND, RecordAction.DELETE)
