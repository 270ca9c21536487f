"""The names that VALVE.md gives a rule to look around with, and where each rule type has which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from deepstream_protocol.message import Message
from deepstream_protocol.topics import ACTIONS, Topic
from permissions.javascript import RuleError, type_of

if TYPE_CHECKING:
    from pubsub.user import User

EVERYWHERE = frozenset({"user", "now", "action", "actionName", "name"})
"""Names that every rule has, beside its path's variables and the function ``_``."""

_OLD = EVERYWHERE | {"oldData"}
_NEW = EVERYWHERE | {"data"}

RULE_TYPES: Mapping[str, Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "record": {
            "create": EVERYWHERE,
            "read": _OLD,
            "write": _OLD | _NEW,
            "delete": _OLD,
            "listen": EVERYWHERE,
            "notify": EVERYWHERE,
        },
        "event": {"publish": _NEW, "subscribe": EVERYWHERE, "listen": EVERYWHERE},
        "rpc": {"provide": EVERYWHERE, "request": _NEW},
        "presence": {"allow": EVERYWHERE},
    }
)
"""Every section's rule types, and the names that an expression of that type may use."""


def user_object(user: User) -> dict[str, Any]:
    """``user`` as a rule sees it; its data is what the login strategy keeps on the server."""
    return {"id": user.id, "isAuthenticated": user.is_authenticated, "data": user.server_data}


def action_number(message: Message) -> int:
    """``action``, a plain number whatever the message holds."""
    return int(message.action)


def action_name(message: Message) -> str:
    """``actionName``: as in deepstream.proto; the number's text where it has no name."""
    number = int(message.action)
    actions: Iterable[IntEnum] = ACTIONS.get(Topic(message.topic), ())
    return next((action.name for action in actions if action == number), str(number))


def cross_reference(lookup: Callable[[str], Any], name: Any) -> Any:
    """``_(name)``: the data of another record, or null; only a text that is not empty names one."""
    if type(name) is not str or not name:
        raise RuleError(f"_() needs the name of a record, not this {type_of(name)}")
    return lookup(name)
