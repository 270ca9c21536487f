"""The answer of the rules to one message."""

from __future__ import annotations

from collections.abc import Awaitable
from enum import Enum
from typing import Protocol

from deepstream_protocol.message import Message
from pubsub.user import User


class Denial(Enum):
    """Why a name is refused: a rule said no, or it could not be evaluated."""

    DENIED = "MESSAGE_DENIED"
    ERROR = "MESSAGE_PERMISSION_ERROR"


Verdict = dict[str, Denial] | None
"""None: all is allowed; else the refused names, the others being allowed.

The key of a message about a single name is that name, of a message without any name the empty text.
"""


class Permissions(Protocol):
    """Asked once for every message of a logged-in client."""

    def check(self, user: User, message: Message) -> Verdict | Awaitable[Verdict]:
        """Whether ``user`` may do what ``message`` asks; awaitable only if a record must be loaded."""


class AllowEverything:
    """Permissions of type ``none``."""

    __slots__ = ()

    def check(self, user: User, message: Message) -> Verdict:
        """Allowed."""
        return None
