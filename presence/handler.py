"""Presence: which users are online (PROTOCOL.md section 7)."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import PresenceAction, Topic
from pubsub.cluster import Cluster
from pubsub.connection import Connection
from pubsub.replies import Actions, acknowledge, names_of, remark, subscribe_bulk, unsubscribe_bulk
from pubsub.subscriptions import Subscriptions

EVERYBODY = "%_EVERYONE_%"
"""The name under which subscribers to all users are kept, the reference server's own."""


class PresenceHandler:
    """Counts each user's sockets and tells subscribers of the first and the last one."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._sockets: dict[str, int] = {}
        self.by_user = Subscriptions()
        self.to_all = Subscriptions()
        cluster.on_change("presence", self._on_change)
        self.actions = Actions(
            {
                PresenceAction.SUBSCRIBE: self._subscribe,
                PresenceAction.UNSUBSCRIBE: self._unsubscribe,
                PresenceAction.SUBSCRIBE_ALL: self._subscribe_all,
                PresenceAction.UNSUBSCRIBE_ALL: self._unsubscribe_all,
                PresenceAction.QUERY: self._query,
                PresenceAction.QUERY_ALL: self._query_all,
            }
        )

    def add_connection(self, connection: Connection) -> None:
        """A login was accepted: a user's first socket brings the user online."""
        user = _countable(connection)
        if user is None:
            return
        sockets = self._sockets.get(user, 0)
        self._sockets[user] = sockets + 1
        if sockets == 0:
            elsewhere = self._cluster.nodes_at("presence", user)
            self._cluster.join("presence", user)
            if not elsewhere:
                self.tell(user, online=True, sender=connection)

    def remove_connection(self, connection: Connection) -> None:
        """A socket is gone: a user's last one takes the user offline."""
        self.by_user.remove_connection(connection)
        self.to_all.remove_connection(connection)
        user = _countable(connection)
        if user is None:
            return
        self._sockets[user] -= 1
        if self._sockets[user] == 0:
            del self._sockets[user]
            self._cluster.leave("presence", user)
            if not self._cluster.nodes_at("presence", user):
                self.tell(user, online=False)

    def _on_change(self, node: str, user: str, online: bool) -> None:
        """``user`` came online on another node, or went offline there."""
        others = self._cluster.nodes_at("presence", user)
        if user not in self._sockets and len(others) == (1 if online else 0):
            self.tell(user, online=online)

    def tell(self, user: str, *, online: bool, sender: Connection | None = None) -> None:
        """Let this node's subscribers know that ``user`` came online or went offline."""
        joined, joined_all = PresenceAction.PRESENCE_JOIN, PresenceAction.PRESENCE_JOIN_ALL
        left, left_all = PresenceAction.PRESENCE_LEAVE, PresenceAction.PRESENCE_LEAVE_ALL
        one = Message(Topic.PRESENCE, joined if online else left, name=user)
        everybody = Message(Topic.PRESENCE, joined_all if online else left_all, name=user)
        self.to_all.publish(everybody, sender=sender, at=EVERYBODY)
        self.by_user.publish(one, sender=sender)

    def is_online(self, user: str) -> bool:
        """Whether ``user`` has a logged-in socket on any node."""
        return user in self._sockets or bool(self._cluster.nodes_at("presence", user))

    def sockets(self) -> Mapping[str, int]:
        """The users who are online here, with the number of their connections."""
        return self._sockets

    def online(self) -> list[str]:
        """Every user who is online, this node's first."""
        return list(dict.fromkeys([*self._sockets, *self._cluster.names("presence")]))

    def _subscribe(self, connection: Connection, message: Message) -> None:
        subscribe_bulk(connection, message, self.by_user.add, PresenceAction.MULTIPLE_SUBSCRIPTIONS)

    def _unsubscribe(self, connection: Connection, message: Message) -> None:
        unsubscribe_bulk(connection, message, self.by_user.remove, PresenceAction.NOT_SUBSCRIBED)

    def _subscribe_all(self, connection: Connection, message: Message) -> None:
        if not self.to_all.add(connection, EVERYBODY):
            remark(connection, message, PresenceAction.MULTIPLE_SUBSCRIPTIONS, EVERYBODY)
        acknowledge(connection, message)

    def _unsubscribe_all(self, connection: Connection, message: Message) -> None:
        if self.to_all.remove(connection, EVERYBODY):
            acknowledge(connection, message)
        else:
            remark(connection, message, PresenceAction.NOT_SUBSCRIBED, EVERYBODY)

    def _query(self, connection: Connection, message: Message) -> None:
        states = {user: self.is_online(user) for user in names_of(message)}
        reply = Message(Topic.PRESENCE, PresenceAction.QUERY_RESPONSE, data=orjson.dumps(states).decode())
        if message.correlation_id is not None:
            reply.correlation_id = message.correlation_id
        connection.send(reply)

    def _query_all(self, connection: Connection, message: Message) -> None:
        users = [user for user in self.online() if user != connection.user.id]
        connection.send(Message(Topic.PRESENCE, PresenceAction.QUERY_ALL_RESPONSE, names=users))


def _countable(connection: Connection) -> str | None:
    """The user's id; None for an open login, behind which anybody may be."""
    user = connection.user
    return user.id if user.is_authenticated else None
