"""The ASGI application: deepstream's WebSocket paths, its HTTP paths, and Django for all others."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from channels.routing import ProtocolTypeRouter
from django.apps import apps
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

from accounts.django_user import DjangoUser
from accounts.strategies import Strategies
from accounts.users_file import read_users
from cluster.apps import ClusterConfig
from cluster.members import Members
from cluster.operations import Here
from cluster.operator import ClusterOperator
from cluster.volatile import RedisStore
from deepstream_project.config import Config, ConfigError
from gateway.apps import GatewayConfig
from gateway.clustering import check_volatile, open_cluster, open_volatile
from gateway.consumers import DeepstreamConsumer
from gateway.endpoint import Endpoint
from gateway.forgetting import Forgetting
from gateway.health import HealthCheck
from gateway.http.api import HttpApi
from gateway.http.monitoring import MonitoringPage
from gateway.lifeline import Lifeline
from gateway.live.operations import Live
from gateway.live.operators import PATH as OPERATORS_PATH
from gateway.live.operators import Operators
from gateway.live.records import LiveRecords
from gateway.live.rules import LiveRules
from gateway.monitors import Monitors
from gateway.node import Node, accept_everyone
from gateway.operations import LoneOperator, Operations
from gateway.rules.database import ActiveRules, KeptRules
from gateway.rules.file import check_rules, compiled, read_again, source_of
from gateway.rules.in_force import Rules
from gateway.rules.records import RuleRecords
from gateway.rules.reloading import Reloading, Source
from gateway.rules.review import review
from monitoring.logs import name_node
from monitoring.metrics import Metrics
from monitoring.observed_store import ObservedStore
from monitoring.report import Period
from permissions.verdict import Permissions
from pubsub.cluster import SingleNode
from pubsub.user import User
from records.history import history_of
from records.pipelines import Pipelines
from records.store import DatabaseStore

log = logging.getLogger("deepstream")

AsgiApplication = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Application:
    """Owns the process's node: made when the server starts, or with the first socket where ASGI
    lifespan is not spoken (Daphne)."""

    def __init__(self, config: Config) -> None:
        check_rules(config)
        check_volatile(config)
        self.config = config
        gateway = apps.get_app_config("gateway")
        assert isinstance(gateway, GatewayConfig)
        gateway.config = config
        self.node: Node | None = None
        self._store: DatabaseStore | None = None
        self._strategies: Strategies | None = None
        self._reloading: Reloading | None = None
        self._active_rules: ActiveRules | None = None
        self._kept_rules: KeptRules | None = None
        self._monitors: Monitors | None = None
        self._live_operations: Live | None = None
        self._operators: Operators | None = None
        self._lifeline: Lifeline | None = None
        self._forgetting: Forgetting | None = None
        self._members: Members | None = None
        self._cluster_operator: ClusterOperator | None = None
        self._volatile: RedisStore | None = None
        self.has_failed = False
        self.metrics = Metrics()
        django = get_asgi_application()
        # After Django, whose set-up configures the logging anew.
        logging.getLogger().setLevel(config.log_level.python_level)
        name_node(config.server_name)
        api = HttpApi(config, self._running_node, django)
        health = self._health = HealthCheck(
            config.http.health_check_path,
            self._running_node,
            api,
            self._cluster_problem,
        )
        http: AsgiApplication = health
        for monitor in config.monitoring:
            if monitor.type == "http":
                http = MonitoringPage(monitor, partial(self._period, monitor.url), http)
        self._router = ProtocolTypeRouter(
            {
                "http": http,
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
        history = history_of(self.config.record.history, self.config.server_name)
        self._store = DatabaseStore(history=history)
        self._forgetting = Forgetting(history) if history is not None else None
        strategies = self._strategies = Strategies(self.config, self)
        sources = [_users_source(path, use) for path, use in strategies.files]
        hook = getattr(settings, "DEEPSTREAM_CHALLENGE_HOOK", None)
        members = self._members = open_cluster(self.config)
        self._volatile = open_volatile(self.config)
        self.node = Node(
            self.config,
            store=ObservedStore(self._store, self.metrics),
            volatile=self._volatile,
            cluster=members or SingleNode(),
            permissions=partial(self._permissions, strategies.reserved, sources),
            login=strategies.login,
            greet=import_string(hook) if hook else accept_everyone,
            metrics=self.metrics,
        )
        self._monitors = Monitors(
            self.node, self.config.monitoring, nodes=lambda: 1 + len(members.nodes()) if members else 1
        )
        self._lifeline = Lifeline(self._health.problem, self._lost)
        self._reloading = Reloading(sources)
        self.operations = Operations(self.node)
        self.operations.add(self._live_rules(self.node).operations)
        self.operations.add(LiveRecords(self.node, self.operations).operations())
        self.operations.add(
            {"user.signed-out": self._end_signed_out, "login.guessed": self._guessed_elsewhere}
        )
        self._live_operations = Live(
            self.node,
            bus_lag=lambda: members.bus.lag if members else None,
            bus=lambda: members.bus.counts() if members else None,
        )
        self.operations.add(self._live_operations.operations())
        operator: LoneOperator | ClusterOperator
        if members is None:
            operator = LoneOperator(self.config.server_name, self.operations)
        else:
            operator = self._cluster_operator = ClusterOperator(members, self.operations.outcome)
            members.bus.start()
        self._operators = Operators(self.node, operator)
        self._cluster_app().here = Here(operator, asyncio.get_running_loop())
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

    def signed_out(self, key: str) -> None:
        """See ``Surroundings.signed_out``: the other nodes are told."""
        if self._cluster_operator is not None:
            self._cluster_operator.tell_others("user.signed-out", {"key": key})

    async def _end_signed_out(self, key: str) -> None:
        """Close the connections of who signed out at another node."""
        self.close_users(lambda one: str(one.key) == key, "signed out")

    def guessed(self, host: str, user: str, *, is_wrong: bool) -> None:
        """See ``Surroundings.guessed``: the other nodes are told."""
        if self._cluster_operator is not None:
            guess = {"host": host, "user": user, "is_wrong": is_wrong}
            self._cluster_operator.tell_others("login.guessed", guess)

    async def _guessed_elsewhere(self, host: str, user: str, is_wrong: bool) -> None:
        """Count what somebody guessed at another node."""
        if self._strategies is not None:
            self._strategies.login.count((host, user), is_wrong=is_wrong)

    async def stop(self) -> None:
        """Settle what is under way and say goodbye to all clients; does nothing the second time."""
        self._cluster_app().here = None
        lifeline, self._lifeline = self._lifeline, None
        if lifeline is not None:
            await lifeline.close()
        if self._operators is not None and self._live_operations is not None:
            self._operators.close()
            self._live_operations.close()
            self._operators = self._live_operations = None
        if self.node is not None and not self.node.is_stopping:
            await self.node.stop()
        monitors, self._monitors = self._monitors, None
        if monitors is not None:
            monitors.close()
        await self._leave_cluster()
        reloading, self._reloading = self._reloading, None
        if reloading is not None:
            await reloading.close()
        await self._close_rules()
        forgetting, self._forgetting = self._forgetting, None
        if forgetting is not None:
            await forgetting.close()
        strategies, self._strategies = self._strategies, None
        if strategies is not None:
            await strategies.close()
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _cluster_app(self) -> ClusterConfig:
        app = apps.get_app_config("cluster")
        assert isinstance(app, ClusterConfig)
        return app

    async def join(self) -> None:
        """Wait until the others hear of this node, for ``dependencyInitializationTimeout`` at the most."""
        if self._members is None:
            return
        timeout = self.config.dependency_initialization_timeout
        try:
            async with asyncio.timeout(timeout):
                await self._members.bus.is_connected.wait()
        except TimeoutError:
            log.error("The channel layer did not work within %g s: this node is alone until it does", timeout)

    def _cluster_problem(self) -> str | None:
        return None if self._members is None else self._members.bus.problem()

    async def _leave_cluster(self) -> None:
        operator, self._cluster_operator = self._cluster_operator, None
        members, self._members = self._members, None
        volatile, self._volatile = self._volatile, None
        if operator is not None:
            operator.close()
        if members is not None:
            await members.bus.stop()
        if volatile is not None:
            await volatile.close()

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
        self._rules, self._rule_records = rules, records

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

    def _live_rules(self, node: Node) -> LiveRules:
        """What operators can ask about the rules in force."""
        active = self._active_rules
        live = LiveRules(
            node,
            self._rules,
            self._rule_records,
            peek=node.records.pipelines.peek,
            version=lambda: active.number if active else None,
        )
        if settings.RECORD_DECISIONS:
            live.record(settings.RECORD_DECISIONS)
        return live

    def _running_node(self) -> Node:
        return self.node or self.start()

    def _lost(self) -> None:
        """What the server depends on is gone: end, if that is asked for, as with any other SIGTERM."""
        if self.config.exit_on_fatal_error:
            log.critical("exitOnFatalError: the server ends")
            self.has_failed = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _period(self, url: str) -> Period:
        """What the page at ``url`` shows."""
        self._running_node()
        assert self._monitors is not None
        return self._monitors.periods[url]

    def _endpoint_of(self, path: str) -> Endpoint | None:
        node = self._running_node()
        if path == OPERATORS_PATH and self._operators is not None:
            return self._operators.endpoint
        return node.endpoints.get(path)

    async def _live(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """The ASGI lifespan: the node lives as long as the server."""
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                try:
                    self.start()
                    await self.join()
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
