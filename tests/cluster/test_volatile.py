"""Records that are in Redis alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from redis.asyncio import Redis

from cluster.volatile import RedisStore
from records.storage import Refusal, Row
from tests.records.store_kit import REDIS_URL, MakeStore, redis_stores

__all__ = ["redis_stores"]


@pytest_asyncio.fixture
async def redis() -> AsyncIterator[Redis]:
    async with Redis.from_url(REDIS_URL) as redis:
        yield redis


async def made(store: RedisStore, name: str) -> int:
    """Make the record and return its id."""
    return (await store.commit([Row(name, -1, 1, "{}")])).made[name]


async def test_no_id_comes_again_when_redis_has_forgotten_everything(
    redis_stores: MakeStore, redis: Redis
) -> None:
    store = redis_stores()
    assert isinstance(store, RedisStore)
    was = await made(store, "a")
    await redis.delete(store._prefix + "a")
    now = await made(store, "a")
    assert (await store.commit([Row("a", 1, 2, "[2]", was)])).refused == {"a": Refusal.LOST}
    assert (await store.commit([Row("a", 1, 2, "[2]", now)])).refused == {}


async def test_a_record_that_a_node_of_an_older_version_made_can_be_written(
    redis_stores: MakeStore, redis: Redis
) -> None:
    store = redis_stores()
    assert isinstance(store, RedisStore)
    await redis.hset(store._prefix + "a", mapping={"version": 1, "data": "[1]"})
    assert await store.load(["a"]) == {"a": (1, "[1]", 0)}
    assert await store.commit([Row("a", 1, 2, "[2]", 0)]) == ({}, {})
    assert await store.load(["a"]) == {"a": (2, "[2]", 0)}
