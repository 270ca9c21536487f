"""What the tests of writing begin with."""

from __future__ import annotations

from typing import Any

from tests.pubsub.kit import Client
from tests.records.kit import World

EXISTING = {"r": (3, '{"a":1}')}


async def a_world(**options: Any) -> tuple[World, Client, Client]:
    """A world with the record r at version 3, a writer and a subscriber to it."""
    world = World(EXISTING, **options)
    writer, subscriber = world.client(), await world.subscriber("r", "new")
    return world, writer, subscriber


def ids(**fields: Any) -> dict[str, Any]:
    return {"correlation_id": "9", "is_write_ack": True} | fields
