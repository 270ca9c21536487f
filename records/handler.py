"""Records: JSON documents kept in sync (PROTOCOL.md section 5)."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from pubsub.cluster import Cluster
from pubsub.connection import Connection
from pubsub.listening import Listening, ListenSettings
from pubsub.replies import Actions, acknowledge, names_of, refusal
from pubsub.subscriptions import Subscriptions
from records.following import Following
from records.pipelines import Pipelines, RecordSettings
from records.reads import Reads
from records.requests import Change, Deletion
from records.state import ABSENT, RecordState
from records.storage import RecordStore, StoreError
from records.validity import is_writable

WITHOUT_PATCH_MULTI = ("javascript", "text")
"""SDK types whose clients drop PATCH_MULTI unread, and so would silently fall behind; those of the text
wire, which all go by one type, have no word for it."""


Judge = Callable[[Connection, Message], "bool | Awaitable[bool]"]


def _permit(connection: Connection, message: Message) -> bool:
    """The judge of a handler without rules."""
    return True


class RecordHandler:
    """Answers everything clients ask of records; reads come from memory, writes go to the commit."""

    def __init__(
        self,
        store: RecordStore,
        cluster: Cluster,
        settings: RecordSettings,
        listen: ListenSettings,
        loop: AbstractEventLoop,
        *,
        volatile: RecordStore | None = None,
        judge: Judge = _permit,
    ) -> None:
        """``volatile``: where records under ``storageExclusionPrefixes`` are, None: in this process alone.

        ``judge``: asks the rules once more about a write that lost against another writer.
        """
        self.judge = judge
        self._cluster = cluster
        self._rereading: set[asyncio.Task[StoreError | None]] = set()
        self._hot = settings.storage_hot_path_prefixes
        self.pipelines = Pipelines(
            store,
            settings,
            self.show,
            on_late_find=self._publish_late,
            volatile=volatile,
            covers=cluster.covers,
        )
        self._following = Following(self, self.pipelines) if cluster.covers is not None else None
        self.subscriptions = Subscriptions(on_first=self._on_first, on_last=self._on_last)
        self.listening = Listening(Topic.RECORD, self.subscriptions, cluster, listen, loop)
        reads = Reads(
            self.pipelines,
            self.subscriptions,
            self.listening,
            loop,
            on_shown=self._following.begin if self._following is not None else None,
        )
        if self._following is not None:
            cluster.on_message(Topic.RECORD, self._deliver)
            cluster.on_record(self._following.deliver)
            cluster.on_covered(self._following.doubt)
        self.actions = Actions(
            {
                RecordAction.SUBSCRIBECREATEANDREAD: reads.create_and_read,
                RecordAction.SUBSCRIBEANDREAD: reads.subscribe_and_read,
                RecordAction.SUBSCRIBEANDHEAD: reads.subscribe_and_head,
                RecordAction.SUBSCRIBE: reads.subscribe,
                RecordAction.UNSUBSCRIBE: reads.unsubscribe,
                RecordAction.READ: reads.read,
                RecordAction.HEAD: reads.head,
                RecordAction.UPDATE: self._change,
                RecordAction.PATCH: self._change,
                RecordAction.ERASE: self._change,
                RecordAction.PATCH_MULTI: self._change,
                RecordAction.CREATEANDUPDATE: self._upsert,
                RecordAction.CREATEANDPATCH: self._upsert,
                RecordAction.DELETE: self._delete,
                RecordAction.NOTIFY: self._notify,
                RecordAction.LISTEN: self.listening.listen,
                RecordAction.UNLISTEN: self.listening.unlisten,
                RecordAction.LISTEN_ACCEPT: self.listening.accept,
                RecordAction.LISTEN_REJECT: self.listening.reject,
            }
        )

    def remove_connection(self, connection: Connection) -> None:
        """A socket is gone: with it its subscriptions and patterns."""
        self.subscriptions.remove_connection(connection)
        self.listening.remove_connection(connection)

    async def drain(self) -> None:
        """Wait until every write is settled."""
        await self.pipelines.drain()

    def close(self) -> None:
        """Cancel the timers."""
        self.pipelines.close()
        self.listening.close()
        if self._following is not None:
            self._following.close()

    # What settled requests ask

    def is_heard(self, name: str, sender: Connection | None) -> bool:
        """Whether anybody but ``sender`` has to be told of a change: always, where there are other nodes."""
        return self._following is not None or self.subscriptions.has_other(name, sender)

    def publish(self, message: Message, state: RecordState, sender: Connection | None) -> None:
        """Broadcast an accepted write that made ``state``."""
        self.publish_here(message, state, sender)
        self._cluster.publish_record(message, state.id)

    def publish_here(self, message: Message, state: RecordState, sender: Connection | None = None) -> None:
        """Tell this node's subscribers of a write that made ``state``, as such if they can follow."""
        if self._following is not None and not self._following.advance(message.name or "", state):
            message = _update(message.name or "", state)
        if message.action == RecordAction.PATCH_MULTI:
            self._publish_multi(message, state, sender)
        else:
            self.subscriptions.publish(message, sender=sender)

    def publish_deletion(self, name: str, sender: Connection | None) -> None:
        """Tell all but the sender that the record is gone, and unsubscribe everybody."""
        deleted = _deleted(name)
        self._publish_deletion_here(deleted, sender)
        self._cluster.publish_record(deleted, 0)

    def show(self, name: str, state: RecordState) -> None:
        """Let this node's subscribers have what another writer made of a record, whatever they had before."""
        if state is ABSENT:
            self._publish_deletion_here(_deleted(name), None)
        else:
            self.publish_here(_update(name, state), state)

    def _publish_late(self, name: str, state: RecordState) -> None:
        """Tell all nodes of a change whose writer was told, for all that was known then, that it failed."""
        self.show(name, state)
        told = _deleted(name) if state is ABSENT else _update(name, state)
        self._cluster.publish_record(told, state.id)

    def is_subscribed(self, name: str) -> bool:
        """Whether this node has subscribers of ``name``."""
        return name in self.subscriptions

    def _publish_deletion_here(self, deleted: Message, sender: Connection | None) -> None:
        self.subscriptions.publish(deleted, sender=sender)
        self.subscriptions.remove_name(deleted.name or "")

    # Writing

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
        name = message.name
        if not name or not is_writable(message):
            connection.send(refusal(message, RecordAction.INVALID_MESSAGE_DATA))
            return None
        change = Change(self, connection, message, unversioned=unversioned)
        return self.pipelines.of(name).submit(name, change)

    def _delete(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        name = message.name or ""
        return self.pipelines.of(name).submit(name, Deletion(self, connection, message))

    # Changes behind our back

    async def _notify(self, connection: Connection, message: Message) -> None:
        """NOTIFY: read again what was changed in the store, and show it to the subscribers on every node."""
        names = list(dict.fromkeys(names_of(message)))
        error = await self._reread(names)
        self._cluster.broadcast(Message(Topic.RECORD, RecordAction.NOTIFY, names=names))
        if error is None:
            acknowledge(connection, message, names=True)
        else:
            reason = orjson.dumps(str(error)).decode()
            connection.send(refusal(message, RecordAction.RECORD_NOTIFY_ERROR, data=reason))

    async def _reread(self, names: Collection[str]) -> StoreError | None:
        """Show what is stored under ``names`` now; returns why that is not known."""
        for name in names:
            self.pipelines.of(name).reader.forget(name)
        for name, state in (await self.pipelines.load(names)).items():
            if isinstance(state, StoreError):
                return state
            self.show(name, state)
        return None

    def _deliver(self, node: str, message: Message) -> None:
        """What another node says of records; one of an older version, its changes to them as well."""
        assert self._following is not None
        if message.action == RecordAction.NOTIFY:
            self._notified(message)
        elif self.listening.is_addressed(message):
            self.listening.deliver(node, message)
        else:
            self._following.deliver(message, None)

    def _notified(self, message: Message) -> None:
        task = asyncio.get_running_loop().create_task(self._reread(names_of(message)))
        self._rereading.add(task)
        task.add_done_callback(self._rereading.discard)

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
        if self._following is not None:
            self._following.end(name)
        self._cluster.leave("record", name)
        self.listening.unsubscribed(name)


def _deleted(name: str) -> Message:
    return Message(Topic.RECORD, RecordAction.DELETED, name=name)


def _update(name: str, state: RecordState) -> Message:
    message = Message(Topic.RECORD, RecordAction.UPDATE)
    message.name, message.version, message.data = name, state.version, state.text
    return message
