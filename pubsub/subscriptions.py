"""Who wants to hear of which name, and the broadcast to them."""

from __future__ import annotations

from collections.abc import Callable, Collection, KeysView

from deepstream_protocol.message import Message
from pubsub.connection import Connection


def _ignore(name: str) -> None:
    """The default of both hooks."""


class Subscriptions:
    """Names and the connections at each; every mapping keeps the order of arrival.

    ``on_first(name)`` is called after a name got its first connection, ``on_last(name)`` after it
    lost its last one: what listening and the cluster need to know.
    """

    __slots__ = ("_by_connection", "_by_name", "_on_first", "_on_last")

    def __init__(
        self,
        *,
        on_first: Callable[[str], None] = _ignore,
        on_last: Callable[[str], None] = _ignore,
    ) -> None:
        self._by_name: dict[str, dict[Connection, None]] = {}
        self._by_connection: dict[Connection, dict[str, None]] = {}
        self._on_first = on_first
        self._on_last = on_last

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def names(self) -> KeysView[str]:
        """Every name that has a connection."""
        return self._by_name.keys()

    def at(self, name: str) -> Collection[Connection]:
        """The connections at ``name``, in order of arrival; not to be changed."""
        return self._by_name.get(name, ())

    def of(self, connection: Connection) -> Collection[str]:
        """The names ``connection`` is at, in order of arrival; not to be changed."""
        return self._by_connection.get(connection, ())

    def has(self, connection: Connection, name: str) -> bool:
        """Whether ``connection`` is at ``name``."""
        return connection in self._by_name.get(name, ())

    def has_other(self, name: str, connection: Connection | None) -> bool:
        """Whether anybody but ``connection`` is at ``name``."""
        connections = self._by_name.get(name)
        return connections is not None and (len(connections) > 1 or connection not in connections)

    def add(self, connection: Connection, name: str) -> bool:
        """Put ``connection`` at ``name``; False when it was there already."""
        connections = self._by_name.get(name)
        if connections is None:
            self._by_name[name] = {connection: None}
        elif connection in connections:
            return False
        else:
            if connection.flusher.broadcast is not None:
                connection.flusher.end_broadcast()
            connections[connection] = None
        self._by_connection.setdefault(connection, {})[name] = None
        if connections is None:
            self._on_first(name)
        return True

    def remove(self, connection: Connection, name: str) -> bool:
        """Take ``connection`` from ``name``; False when it was not there."""
        names = self._by_connection.get(connection)
        if names is None or name not in names:
            return False
        del names[name]
        if not names:
            del self._by_connection[connection]
        self._leave(connection, name)
        return True

    def remove_connection(self, connection: Connection) -> None:
        """Take ``connection`` from every name: its socket is gone."""
        for name in self._by_connection.pop(connection, ()):
            self._leave(connection, name)

    def remove_name(self, name: str) -> None:
        """Take every connection from ``name``: what it stood for is gone."""
        for connection in list(self.at(name)):
            self.remove(connection, name)

    def publish(self, message: Message, *, sender: Connection | None = None, at: str | None = None) -> None:
        """Queue ``message`` for every connection at its name but ``sender``; it must not be changed any more.

        ``at`` is for a message that goes to the subscribers of something else than its own name.
        """
        name = message.name if at is None else at
        audience = None if name is None else self._by_name.get(name)
        if audience is not None:
            next(iter(audience)).flusher.publish(message, audience, sender)

    def _leave(self, connection: Connection, name: str) -> None:
        connection.flusher.end_broadcast()
        connections = self._by_name[name]
        del connections[connection]
        if not connections:
            del self._by_name[name]
            self._on_last(name)
