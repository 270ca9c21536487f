"""The node, as its endpoints, sessions and callers see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from accounts.login import Login
from deepstream_protocol.message import Message
from gateway.live.departed import Departed
from monitoring.metrics import Metrics
from pubsub.connection import Connection, Flusher

Greet = Callable[[Connection, Message], Message]
"""Answers a CHALLENGE with CONNECTION ACCEPT, REDIRECT (with ``url``) or REJECT."""


class Host(Protocol):
    """What a connection needs of the node from its challenge to its end."""

    flusher: Flusher
    login: Login
    greet: Greet
    accepts_everyone: bool
    is_stopping: bool
    metrics: Metrics
    departed: Departed

    def dispatch(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        """Ask the rules about a message, then have it handled."""

    def add_connection(self, connection: Connection) -> None:
        """A login was accepted."""

    def remove_connection(self, connection: Connection) -> None:
        """A socket is gone."""
