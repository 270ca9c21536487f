"""The ASGI application: deepstream's WebSocket paths, its HTTP paths, and Django for all others."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

from accounts.django_user import DjangoUser
from accounts.strategies import Strategies
from accounts.users_file import read_users
from deepstream_project.config import Config, ConfigError
from gateway.consumers import DeepstreamConsumer
from gateway.endpoint import Endpoint
from gateway.health import HealthCheck
from gateway.http_api import HttpApi
from gateway.node import Node, accept_everyone
from gateway.reloading import Reloading, Source
from gateway.review import review
from gateway.rule_records import RuleRecords
from gateway.rules import Rules
from gateway.rules_database import ActiveRules, KeptRules
from gateway.rules_file import check_rules, compiled, read_again, source_of
from permissions.verdict import Permissions
from pubsub.cluster import SingleNode
from pubsub.connection import User
from records.pipelines import Pipelines
from records.store import DatabaseStore

log = logging.getLogger("deepstream")

AsgiApplication = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Application:
    """Owns the process's node: made when the server starts, or with the first socket where ASGI
    lifespan is not spoken (Daphne)."""

    def __init__(self, config: Config) -> None:
        check_rules(config)
        self.config = config
        self.node: Node | None = None
        self._store: DatabaseStore | None = None
        self._strategies: Strategies | None = None
        self._reloading: Reloading | None = None
        self._active_rules: ActiveRules | None = None
        self._kept_rules: KeptRules | None = None
        django = get_asgi_application()
        # After Django, whose set-up configures the logging anew.
        logging.getLogger().setLevel(config.log_level.python_level)
        api = HttpApi(config, self._running_node, django)
        health = HealthCheck(
            config.http.health_check_path,
            self._running_node,
            api,
            get_channel_layer() if settings.REDIS_URL else None,
        )
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
        """Make the node; called in the event loop that it shall serve in.

        Raises ``ConfigError`` if the rules are in the database and cannot be used.
        """
        if self.config.permission.type == "database":
            self._active_rules = ActiveRules(self.config)
        self._store = DatabaseStore()
        strategies = self._strategies = Strategies(self.config, self)
        sources = [_users_source(path, use) for path, use in strategies.files]
        hook = getattr(settings, "DEEPSTREAM_CHALLENGE_HOOK", None)
        self.node = Node(
            self.config,
            store=self._store,
            cluster=SingleNode(),
            permissions=partial(self._permissions, strategies.reserved, sources),
            login=strategies.login,
            greet=import_string(hook) if hook else accept_everyone,
        )
        self._reloading = Reloading(sources)
        return self.node

    def reload(self) -> None:
        """Read rules and users again, whether or not their files changed."""
        if self._reloading is not None:
            self._reloading.reload()
        if self._active_rules is not None:
            self._active_rules.reload()

    def pipelines(self) -> Pipelines:
        """See ``Surroundings.pipelines``."""
        return self._running_node().records.pipelines

    def close_users(self, is_meant: Callable[[DjangoUser], bool], reason: str) -> None:
        """See ``Surroundings.close_users``."""

        def is_such(user: User) -> bool:
            return isinstance(user, DjangoUser) and is_meant(user)

        if self.node is not None:
            self.node.close_users(is_such, reason)

    async def stop(self) -> None:
        """Settle what is under way and say goodbye to all clients; does nothing the second time."""
        if self.node is not None and not self.node.is_stopping:
            await self.node.stop()
        reloading, self._reloading = self._reloading, None
        if reloading is not None:
            await reloading.close()
        await self._close_rules()
        strategies, self._strategies = self._strategies, None
        if strategies is not None:
            await strategies.close()
        store, self._store = self._store, None
        if store is not None:
            store.close()

    async def _close_rules(self) -> None:
        active, self._active_rules = self._active_rules, None
        kept, self._kept_rules = self._kept_rules, None
        for rules in (active, kept):
            if rules is not None:
                await rules.close()

    def _permissions(
        self, reserved: tuple[str, ...], sources: list[Source], records: RuleRecords
    ) -> Permissions:
        """The rules in force, and where to read them again."""
        active = self._active_rules
        rules = Rules(
            active.compiled(records) if active else compiled(self.config, records), reserved=reserved
        )

        def use(permissions: Permissions) -> Awaitable[str]:
            rules.replace(permissions)
            log.info("New rules are in force; clients' subscriptions are asked again")
            return review(self._running_node(), rules)

        if active:
            active.follow(records, use)
        elif path := source_of(self.config):
            kept = self._kept_rules = KeptRules(self.config)
            sources.append(
                Source("Rules", path, partial(read_again, self.config, records), partial(_keeping, kept, use))
            )
        return rules

    def _running_node(self) -> Node:
        return self.node or self.start()

    def _endpoint_of(self, path: str) -> Endpoint | None:
        return self._running_node().endpoints.get(path)

    async def _live(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """The ASGI lifespan: the node lives as long as the server."""
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                try:
                    self.start()
                except ConfigError as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _users_source(path: Path, use: Callable[[Any], None]) -> Source:
    return Source("Users", path, partial(read_users, path), use)


async def _keeping(
    kept: KeptRules, use: Callable[[Permissions], Awaitable[str]], permissions: Permissions
) -> str:
    """Put the rules of a file in force; then, and not before, the database hears of them."""
    said = await use(permissions)
    await kept.keep()
    return said
