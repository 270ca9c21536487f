"""Who a client is."""

from __future__ import annotations

from typing import Any


class User:
    """Who logged in: ``client_data`` was sent to the client, ``server_data`` is for the rules.

    ``expires_at``, in seconds since 1970, is when the login ends and its connection with it; None: never.
    """

    __slots__ = ("client_data", "expires_at", "id", "is_authenticated", "server_data")

    def __init__(
        self,
        id: str | None,
        *,
        is_authenticated: bool = True,
        client_data: Any = None,
        server_data: Any = None,
        expires_at: float | None = None,
    ) -> None:
        self.id = id
        self.expires_at = expires_at
        self.is_authenticated = is_authenticated
        self.client_data = client_data
        self.server_data = server_data


ANONYMOUS = User(None, is_authenticated=False)
"""The user of a connection before its login."""
