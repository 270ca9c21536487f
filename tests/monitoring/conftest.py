"""Pages in this process with a live node beside them, on a thread of its own as under a server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.test import Client

from cluster.operations import Here
from gateway.live.operations import Live
from gateway.node import Node
from gateway.operations import LoneOperator, Operations
from tests.gateway.node_kit import Peer, running

T = TypeVar("T")

NODE = "one"
DEADLINE = 10.0


class LiveNode:
    """A node in another thread's loop, and clients of it."""

    def __init__(self, node: Node, loop: asyncio.AbstractEventLoop) -> None:
        self.node = node
        self._loop = loop

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await ``coroutine`` there."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Callable[[], T]:
        """Begin ``coroutine`` there; what is returned waits for its end."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return lambda: future.result(DEADLINE)

    def login(self, name: str) -> Peer:
        """A client."""

        async def log_in() -> Peer:
            return Peer(self.node).log_in(name)

        return self.run(log_in())


@pytest.fixture
def live() -> Iterator[LiveNode]:
    """A node that the pages find."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    app: Any = apps.get_app_config("cluster")
    ready: threading.Event = threading.Event()
    made: list[LiveNode] = []
    over = asyncio.Event()

    async def serve() -> None:
        async with running() as node:
            live, operations = Live(node), Operations(node)
            operations.add(live.operations())
            app.here = Here(LoneOperator(NODE, operations), loop)
            made.append(LiveNode(node, loop))
            ready.set()
            await over.wait()
            app.here = None
            live.close()

    serving = asyncio.run_coroutine_threadsafe(serve(), loop)
    try:
        assert ready.wait(DEADLINE)
        yield made[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        serving.result(DEADLINE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE)
        loop.close()


@pytest.fixture
def as_user(db: None) -> Callable[..., Client]:
    """Return a function that logs a user in: staff of ``group``, of none for staff without rights."""

    def logged_in(group: str | None, *, name: str = "ann", staff: bool = True, **options: Any) -> Client:
        user = User.objects.create_user(name, is_staff=staff)
        if group is not None:
            user.groups.add(Group.objects.get(name=group))
        client = Client(**options)
        client.force_login(user)
        return client

    return logged_in
