"""Clients of a cluster, each at the node of the load's choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import orjson

from benchmarks.crowd import Crowd
from benchmarks.nodes import Nodes
from benchmarks.onlooker import Onlooker
from benchmarks.sockets import PATH, Client, Clock, Counter
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, Topic

_CHALLENGE = Message(Topic.CONNECTION, ConnectionAction.CHALLENGE, url=f"ws://localhost{PATH}")


class Site:
    """The nodes of a cluster by their place, from 0, and who knows when they are ready."""

    def __init__(self, nodes: Nodes, onlooker: Onlooker) -> None:
        self.nodes = nodes
        self.onlooker = onlooker
        self.count = len(nodes.servers)

    @property
    def last(self) -> int:
        """The place that is another one than 0, if there is one."""
        return self.count - 1

    def around(self, clients: int) -> list[int]:
        """Places for ``clients`` in turns, the last of them the last place."""
        return [(number - clients) % self.count for number in range(clients)]


class Spread(Crowd):
    """Clients at the ``places`` that are named one after the other."""

    def __init__(self, site: Site, places: Iterable[int], *, at_once: int = 20) -> None:
        urls = site.nodes.urls
        super().__init__(urls[0], at_once=at_once)
        self._site = site
        self._addresses = [(url.hostname or "", url.port or 0) for url in map(urlsplit, urls)]
        self._crowds = [Crowd(url, at_once=at_once) for url in urls]
        self._home: dict[Client, Crowd] = {}
        self._places = iter(places)

    async def __aexit__(self, *details: object) -> None:
        for crowd in self._crowds:
            await crowd.__aexit__(*details)
        await super().__aexit__(*details)

    @property
    def lost(self) -> int:
        """See ``Crowd.lost``."""
        return super().lost + sum(crowd.lost for crowd in self._crowds)

    async def clients(self, count: int, request: Message | None = None, *, replies: int = 1) -> list[Client]:
        """See ``Crowd.clients``; all nodes know then what these have asked for."""
        clients = await super().clients(count, request, replies=replies)
        await self._site.onlooker.statuses()
        return clients

    async def client(self, request: Message | None = None, *, replies: int = 1) -> Client:
        """See ``Crowd.client``; at the next place."""
        crowd = self._crowds[next(self._places)]
        client = await crowd.client(request, replies=replies)
        self._home[client] = crowd
        return client

    async def user(self, name: str, place: int, on_login: Callable[[], Any]) -> Client:
        """A client that logs in as ``name``; ``on_login`` is called when it is about to."""
        client = await Client.connect(*self._addresses[place], self._scratch)
        self._sockets.append(client)
        client.send(_CHALLENGE)
        await client.expect(Topic.CONNECTION, ConnectionAction.ACCEPT)
        on_login()
        data = orjson.dumps({"username": name}).decode()
        client.send(Message(Topic.AUTH, AuthAction.REQUEST, data=data))
        await client.expect(Topic.AUTH, AuthAction.AUTH_SUCCESSFUL)
        return client

    def counter(self, client: Client) -> Counter:
        """See ``Crowd.counter``."""
        return self._home[client].counter(client)

    def clock(self, client: Client, size: int, on_frames: Callable[[int], None]) -> Clock:
        """See ``Crowd.clock``."""
        return self._home[client].clock(client, size, on_frames)


def in_turns(count: int) -> Iterator[int]:
    """Places from 0 on, again and again."""
    return cycle(range(count))
