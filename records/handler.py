"""Records: JSON documents kept in sync (PROTOCOL.md section 5)."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from pubsub.cluster import Cluster
from pubsub.connection import Connection
from pubsub.listening import Listening, ListenSettings
from pubsub.replies import acknowledge, names_of, refusal, unknown_action
from pubsub.subscriptions import Subscriptions
from records.pipelines import Pipelines, RecordSettings
from records.reads import Reads
from records.requests import Change, Deletion
from records.state import ABSENT, RecordState
from records.storage import RecordStore, StoreError
from records.validity import is_writable

WITHOUT_PATCH_MULTI = ("javascript", "text")
"""SDK types whose clients drop PATCH_MULTI unread, and so would silently fall behind; those of the text
wire, which all go by one type, have no word for it."""


class RecordHandler:
    """Answers everything clients ask of records; reads come from memory, writes go to the commit."""

    def __init__(
        self,
        store: RecordStore,
        cluster: Cluster,
        settings: RecordSettings,
        listen: ListenSettings,
        loop: AbstractEventLoop,
    ) -> None:
        self._cluster = cluster
        self._hot = settings.storage_hot_path_prefixes
        self.pipelines = Pipelines(store, settings, self._show)
        self.subscriptions = Subscriptions(on_first=self._on_first, on_last=self._on_last)
        self.listening = Listening(Topic.RECORD, self.subscriptions, cluster, listen, loop)
        reads = Reads(self.pipelines, self.subscriptions, self.listening, loop)
        self._actions: dict[int, Callable[[Connection, Message], Awaitable[Any] | None]] = {
            RecordAction.SUBSCRIBECREATEANDREAD: reads.create_and_read,
            RecordAction.SUBSCRIBEANDREAD: reads.subscribe_and_read,
            RecordAction.SUBSCRIBEANDHEAD: reads.subscribe_and_head,
            RecordAction.SUBSCRIBE: reads.subscribe,
            RecordAction.UNSUBSCRIBE: reads.unsubscribe,
            RecordAction.READ: reads.read,
            RecordAction.HEAD: reads.head,
            RecordAction.UPDATE: self._write,
            RecordAction.PATCH: self._write,
            RecordAction.ERASE: self._write,
            RecordAction.PATCH_MULTI: self._write,
            RecordAction.CREATEANDUPDATE: self._upsert,
            RecordAction.CREATEANDPATCH: self._upsert,
            RecordAction.DELETE: self._delete,
            RecordAction.NOTIFY: self._notify,
            RecordAction.LISTEN: self.listening.listen,
            RecordAction.UNLISTEN: self.listening.unlisten,
            RecordAction.LISTEN_ACCEPT: self.listening.accept,
            RecordAction.LISTEN_REJECT: self.listening.reject,
        }

    def receive(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """Do what a permitted message asks; what is returned must be awaited before the next one."""
        return self._actions.get(message.action, unknown_action)(connection, message)

    def remove_connection(self, connection: Connection) -> None:
        """A socket is gone: with it its subscriptions and patterns."""
        self.subscriptions.remove_connection(connection)
        self.listening.remove_connection(connection)

    async def drain(self) -> None:
        """Wait until every write is settled."""
        await self.pipelines.drain()

    def close(self) -> None:
        """Cancel the timers."""
        self.listening.close()

    # What settled requests ask

    def publish(self, message: Message, state: RecordState, sender: Connection | None) -> None:
        """Broadcast an accepted write that made ``state``."""
        if message.action == RecordAction.PATCH_MULTI:
            self._publish_multi(message, state, sender)
        else:
            self.subscriptions.publish(message, sender=sender)
        self._cluster.publish("record", message)

    def publish_deletion(self, name: str, sender: Connection | None) -> None:
        """Tell all but the sender that the record is gone, and unsubscribe everybody."""
        deleted = Message(Topic.RECORD, RecordAction.DELETED, name=name)
        self.subscriptions.publish(deleted, sender=sender)
        self.subscriptions.remove_name(name)
        self._cluster.publish("record", deleted)

    # Writing

    def _write(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        return self._change(connection, message)

    def _upsert(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        if not self._hot or not (message.name or "").startswith(self._hot):
            return self._change(connection, message)
        if message.action == RecordAction.CREATEANDPATCH:
            connection.send(refusal(message, RecordAction.INVALID_PATCH_ON_HOTPATH))
            return None
        return self._change(connection, message, unversioned=True)

    def _change(
        self, connection: Connection, message: Message, *, unversioned: bool = False
    ) -> Awaitable[Any] | None:
        if not message.name or not is_writable(message):
            connection.send(refusal(message, RecordAction.INVALID_MESSAGE_DATA))
            return None
        change = Change(self, connection, message, unversioned=unversioned)
        return self.pipelines.of(message.name or "").submit(message.name or "", change)

    def _delete(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        name = message.name or ""
        return self.pipelines.of(name).submit(name, Deletion(self, connection, message))

    # Changes behind our back

    async def _notify(self, connection: Connection, message: Message) -> None:
        """NOTIFY: read again what was changed in the store, and show it to the subscribers."""
        names = list(dict.fromkeys(names_of(message)))
        for name in names:
            self.pipelines.of(name).reader.forget(name)
        for name, state in (await self.pipelines.load(names)).items():
            if isinstance(state, StoreError):
                reason = orjson.dumps(str(state)).decode()
                connection.send(refusal(message, RecordAction.RECORD_NOTIFY_ERROR, data=reason))
                return
            self._show(name, state)
        acknowledge(connection, message, names=True)

    def _show(self, name: str, state: RecordState) -> None:
        """Let all subscribers have what another writer made of a record, whatever they had before."""
        if state is ABSENT:
            self.publish_deletion(name, None)
        else:
            self.publish(_update(name, state), state, None)

    # Within

    def _publish_multi(self, message: Message, state: RecordState, sender: Connection | None) -> None:
        """A batch as such for those who know it, and as what it made for those who do not."""
        whole = _update(message.name or "", state)
        for connection in self.subscriptions.at(message.name or ""):
            if connection is not sender:
                connection.send(whole if connection.sdk_type in WITHOUT_PATCH_MULTI else message)

    def _on_first(self, name: str) -> None:
        self._cluster.join("record", name)
        self.listening.subscribed(name)

    def _on_last(self, name: str) -> None:
        self._cluster.leave("record", name)
        self.listening.unsubscribed(name)


def _update(name: str, state: RecordState) -> Message:
    message = Message(Topic.RECORD, RecordAction.UPDATE)
    message.name, message.version, message.data = name, state.version, state.text
    return message
