"""The cluster as the handlers see it, over a channel layer of Channels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol

from cluster.bus import Bus, Item, Layer
from cluster.membership import Member, Membership
from cluster.replicated_set import ReplicatedSet
from deepstream_protocol.message import Message

log = logging.getLogger("deepstream.cluster")

ROLES = ("event", "record", "rpc", "presence", "event-listen", "record-listen")

HEARTBEAT = 2.0
"""Seconds between signs of life."""

DEAD_AFTER = 6.0
"""Seconds of silence after which a node is taken for dead."""


class Remote(Protocol):
    """What other nodes tell this one; plain calls in the event loop."""

    def deliver(self, node: str, role: str, message: Message) -> None:
        """A message for those who have ``role`` here, from ``publish`` or ``send`` on ``node``."""

    def came(self, role: str, name: str) -> None:
        """Another node has ``role`` at ``name``, and none had before."""

    def went(self, role: str, name: str) -> None:
        """No other node has ``role`` at ``name`` any more."""

    def known(self, role: str, names: Sequence[str]) -> None:
        """Every node knows now that this one has ``role`` at ``names``."""

    def missed(self, node: str) -> None:
        """Something that ``node`` published did not arrive."""
