"""Records under ``storageExclusionPrefixes`` in a cluster: in Redis, which decides between writers.

They outlive every node but not Redis: what is never stored is gone when the last memory of it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from records.storage import Refusal, Row, StoreError

PREFIX = "deepstream:record:"

TIMEOUT = 2.0
"""Seconds that Redis may take to answer."""

_COMMIT = """
local lost = {}
for i, key in ipairs(KEYS) do
    local base, version, data = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
    local stored = redis.call('HGET', key, 'version') or '-1'
    if version == '-1' then
        redis.call('DEL', key)
    elseif stored == base then
        redis.call('HSET', key, 'version', version, 'data', data)
    else
        lost[#lost + 1] = i - 1
    end
end
return lost
"""
"""Compares and sets all rows of a commit, without anything between them."""


class RedisStore:
    """The ``RecordStore`` of records that are in Redis alone."""

    def __init__(self, url: str, *, prefix: str = PREFIX) -> None:
        self._prefix = prefix
        self._redis: Redis = Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
        self._commit = self._redis.register_script(_COMMIT)

    async def load(self, names: Collection[str]) -> Mapping[str, tuple[int, str]]:
        """See ``RecordStore.load``."""
        names = list(names)
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hmget(self._prefix + name, ["version", "data"])
                found = await pipe.execute()
        except RedisError as error:
            raise _failed(error) from error
        return {
            name: (int(version), data.decode())
            for name, (version, data) in zip(names, found, strict=True)
            if version is not None
        }

    async def commit(self, rows: Sequence[Row]) -> Mapping[str, Refusal]:
        """See ``RecordStore.commit``; what is lost was written by another node."""
        keys = [self._prefix + row.name for row in rows]
        values: list[str | int] = []
        for row in rows:
            values += [row.base, row.version if row.data is not None else -1, row.data or ""]
        try:
            lost = await self._commit(keys, values)
        except RedisError as error:
            raise _failed(error) from error
        return {rows[position].name: Refusal.LOST for position in lost}

    async def close(self) -> None:
        """Disconnect."""
        await self._redis.aclose()


def _failed(error: RedisError) -> StoreError:
    return StoreError(f"Redis: {error}")
