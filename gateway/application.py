"""The ASGI application: deepstream's WebSocket paths, its HTTP paths, and Django for all others."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

from accounts.strategies import Strategies
from deepstream_project.config import Config
from gateway.consumers import DeepstreamConsumer
from gateway.endpoint import Endpoint
from gateway.health import HealthCheck
from gateway.http_api import HttpApi
from gateway.node import Node, accept_everyone
from gateway.rule_records import RuleRecords
from permissions.ruleset import RuleSet
from permissions.verdict import AllowEverything, Permissions
from pubsub.cluster import SingleNode
from records.store import DatabaseStore

log = logging.getLogger("deepstream")

AsgiApplication = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Application:
    """Owns the process's node: made when the server starts, or with the first socket where ASGI
    lifespan is not spoken (Daphne)."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.node: Node | None = None
        self._store: DatabaseStore | None = None
        self._strategies: Strategies | None = None
        api = HttpApi(config, self._running_node, get_asgi_application())
        health = HealthCheck(config.http.health_check_path, self._running_node, api)
        self._router = ProtocolTypeRouter(
            {
                "http": health,
                "websocket": DeepstreamConsumer.as_asgi(endpoint_of=self._endpoint_of),
                "lifespan": self._live,
            }
        )

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one ASGI scope."""
        await self._router(scope, receive, send)

    def start(self) -> Node:
        """Make the node; called in the event loop that it shall serve in."""
        self._store = DatabaseStore()
        self._strategies = Strategies(self.config.auth)
        hook = getattr(settings, "DEEPSTREAM_CHALLENGE_HOOK", None)
        self.node = Node(
            self.config,
            store=self._store,
            cluster=SingleNode(),
            permissions=self._permissions,
            login=self._strategies.login,
            greet=import_string(hook) if hook else accept_everyone,
        )
        return self.node

    async def stop(self) -> None:
        """Settle what is under way and say goodbye to all clients; does nothing the second time."""
        if self.node is not None and not self.node.is_stopping:
            await self.node.stop()
        strategies, self._strategies = self._strategies, None
        if strategies is not None:
            await strategies.close()
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _permissions(self, records: RuleRecords) -> Permissions:
        permission = self.config.permission
        if permission.rules is None:
            return AllowEverything()
        return RuleSet(permission.rules, records=records, max_rule_iterations=permission.max_rule_iterations)

    def _running_node(self) -> Node:
        return self.node or self.start()

    def _endpoint_of(self, path: str) -> Endpoint | None:
        return self._running_node().endpoints.get(path)

    async def _live(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """The ASGI lifespan: the node lives as long as the server."""
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return
