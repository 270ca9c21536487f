"""Records under ``storageExclusionPrefixes`` in a cluster: in Redis, which decides between writers.

They outlive every node but not Redis: what is never stored is gone when the last memory of it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from secrets import randbits

from redis.asyncio import Redis
from redis.exceptions import RedisError

from records.storage import Committed, Refusal, Row, StoreError

PREFIX = "deepstream:record:"

TIMEOUT = 2.0
"""Seconds that Redis may take to answer."""

_COMMIT = """
local lost = {}
for i, key in ipairs(KEYS) do
    local base, version, data, id, new = unpack(ARGV, 5 * i - 4, 5 * i)
    local stored = redis.call('HMGET', key, 'version', 'id')
    if version == '-1' then
        redis.call('DEL', key)
    elseif (stored[1] or '-1') == base and (stored[2] or '0') == id then
        redis.call('HSET', key, 'version', version, 'data', data, 'id', new)
    else
        lost[#lost + 1] = i - 1
    end
end
return lost
"""
"""Compares and sets all rows of a commit, without anything between them.

A record that a node of an older version made has no id, which is the same as 0.
"""

_ID_BITS = 62


class RedisStore:
    """The ``RecordStore`` of records that are in Redis alone.

    Ids are random, for whatever counted them would begin anew with a Redis that was emptied.
    """

    def __init__(self, url: str, *, prefix: str = PREFIX) -> None:
        self._prefix = prefix
        self._redis: Redis = Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
        self._commit = self._redis.register_script(_COMMIT)

    async def load(self, names: Collection[str]) -> Mapping[str, tuple[int, str, int]]:
        """See ``RecordStore.load``."""
        names = list(names)
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hmget(self._prefix + name, ["version", "data", "id"])
                found = await pipe.execute()
        except RedisError as error:
            raise _failed(error) from error
        return {
            name: (int(version), data.decode(), int(id or 0))
            for name, (version, data, id) in zip(names, found, strict=True)
            if version is not None
        }

    async def commit(self, rows: Sequence[Row]) -> Committed:
        """See ``RecordStore.commit``; what is lost was written by another node."""
        keys = [self._prefix + row.name for row in rows]
        values: list[str | int] = []
        made: dict[str, int] = {}
        for name, base, version, data, id, _ in rows:
            if data is None:
                version = -1
            elif base < 0:
                made[name] = randbits(_ID_BITS)
            values += [base, version, data or "", id, made.get(name, id)]
        try:
            lost = await self._commit(keys, values)
        except RedisError as error:
            raise _failed(error) from error
        refused = {rows[position].name: Refusal.LOST for position in lost}
        return Committed(refused, {name: id for name, id in made.items() if name not in refused})

    async def close(self) -> None:
        """Disconnect."""
        await self._redis.aclose()


def _failed(error: RedisError) -> StoreError:
    return StoreError(f"Redis: {error}")
