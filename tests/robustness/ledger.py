"""What the clients of a test were promised, kept across the server's lives, and held against its store."""

from __future__ import annotations

from typing import Any

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction

Document = dict[str, Any]
Stored = dict[str, tuple[int, Document]]
"""Of each record in the database: its version and data."""


def applied(message: Message, document: Document) -> Document:
    """What an UPDATE, PATCH, ERASE or PATCH_MULTI of top-level keys, or an upsert, makes of ``document``."""
    value = orjson.loads(message.data) if message.data is not None else None
    match message.action:
        case RecordAction.UPDATE | RecordAction.CREATEANDUPDATE:
            return dict(value)
        case RecordAction.PATCH_MULTI:
            return document | {entry["path"]: entry["data"] for entry in value}
        case RecordAction.ERASE:
            return {key: kept for key, kept in document.items() if key != message.path}
        case _:
            return document | {message.path: value}


class OwnRecord:
    """A record that one client alone writes: so it is known what each version of it must be."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.versions: list[Document] = [{}]
        self.acknowledged = self.seen = 0

    @property
    def version(self) -> int:
        """The version that the last write sent will make."""
        return len(self.versions) - 1

    def send(self, message: Message) -> int:
        """``message`` is about to be sent; the version that it will make."""
        self.versions.append(applied(message, self.versions[-1]))
        return self.version

    def see(self, version: int, document: Document) -> str | None:
        """A subscriber got ``version``; what is wrong with it."""
        self.seen = max(self.seen, version)
        if version > self.version or self.versions[version] != document:
            return f"{self.name}: version {version} is {document}"
        return None

    def problems(self, stored: Stored) -> list[str]:
        """What the store lost; then go on from what it has."""
        version, document = stored.get(self.name, (-1, {}))
        promised = max(self.acknowledged, self.seen)
        found = []
        if not promised <= version <= self.version:
            found.append(f"{self.name}: {promised} was promised, {self.version} sent, {version} is stored")
        elif version >= 0 and document != self.versions[version]:
            found.append(f"{self.name}: {version} is stored as {document}, not {self.versions[version]}")
        del self.versions[max(version, 0) + 1 :]
        return found


class SharedRecord:
    """A record that all write: each client its own key, with numbers that only rise."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen = 0
        self.told: dict[int, Document] = {}
        self.acknowledged: dict[str, int] = {}
        self.rejected: dict[str, set[int]] = {}

    def see(self, version: int, document: Document) -> str | None:
        """A subscriber got ``version``; what is wrong: a version has one content for all, for ever."""
        self.seen = max(self.seen, version)
        if self.told.setdefault(version, document) != document:
            return f"{self.name}: version {version} is {document} and was {self.told[version]}"
        return None

    def problems(self, stored: Stored) -> list[str]:
        """What the store lost, or took though it was refused."""
        version, document = stored.get(self.name, (-1, {}))
        found = []
        if version < self.seen:
            found.append(f"{self.name}: {self.seen} was seen, {version} is stored")
        if self.told.get(version, document) != document:
            found.append(f"{self.name}: {version} is stored as {document}, told as {self.told[version]}")
        for key, number in self.acknowledged.items():
            if document.get(key, 0) < number:
                found.append(f"{self.name}: {key} {number} was acknowledged, {document.get(key)} is stored")
        for key, numbers in self.rejected.items():
            if document.get(key) in numbers:
                found.append(f"{self.name}: {key} {document[key]} is stored though it was refused")
        return found


class Ledger:
    """All records of a test, and every sentence about something that was not as it should be."""

    def __init__(self, *, own: int, shared: int) -> None:
        self.own = [OwnRecord(f"own/{number}") for number in range(own)]
        self.shared = [SharedRecord(f"shared/{number}") for number in range(shared)]
        self.by_name: dict[str, OwnRecord | SharedRecord] = {r.name: r for r in (*self.own, *self.shared)}
        self.faults: list[str] = []
        self.acknowledged = self.refused = self.seen = 0

    def see(self, name: str, version: int, document: Document) -> None:
        """A subscriber got a version of a record."""
        self.seen += 1
        if (fault := self.by_name[name].see(version, document)) is not None:
            self.faults.append(fault)

    def compare(self, rows: list[tuple[str, int, str]]) -> None:
        """Hold the rows of the store (name, version, JSON text) against all that was promised."""
        stored = {name: (version, orjson.loads(text)) for name, version, text in rows}
        for record in self.by_name.values():
            self.faults += record.problems(stored)
