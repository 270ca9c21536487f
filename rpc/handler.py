"""Remote procedure calls: requests routed to providers (PROTOCOL.md section 6)."""

from __future__ import annotations

import random
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from itertools import count
from secrets import token_urlsafe
from typing import Protocol

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RpcAction, Topic
from pubsub.cluster import Cluster
from pubsub.connection import Connection
from pubsub.replies import Actions, refusal, subscribe_bulk, unsubscribe_bulk
from pubsub.subscriptions import Subscriptions
from pubsub.timers import Deadlines
from pubsub.user import User
from rpc.call import Call, RemoteRequestor, Timeouts

MARGIN = 1.0
"""Seconds by which another node, which has timeouts of its own, may be late to say that they passed."""


class RpcSettings(Protocol):
    """CONFIG.md, ``rpc``; durations in seconds."""

    @property
    def ack_timeout(self) -> float:
        """How long a provider may take to accept or reject."""

    @property
    def response_timeout(self) -> float:
        """How long it may then take to answer."""

    @property
    def provide_requestor_name(self) -> bool:
        """Whether providers are told the requestor's user id."""

    @property
    def provide_requestor_data(self) -> bool:
        """Whether providers are told the requestor's clientData."""


class RpcHandler:
    """Keeps who provides what, and every call until it is answered, refused or too late."""

    def __init__(self, cluster: Cluster, settings: RpcSettings, loop: AbstractEventLoop) -> None:
        self._cluster = cluster
        self._settings = settings
        self._names_requestor = settings.provide_requestor_name or settings.provide_requestor_data
        self.providers = Subscriptions(
            on_first=lambda name: cluster.join("rpc", name),
            on_last=lambda name: cluster.leave("rpc", name),
        )
        self._calls: dict[Connection | str, dict[str, Call]] = {}
        self._passed_on = map(f"{token_urlsafe(9)}-{{}}".format, count())
        cluster.on_message(Topic.RPC, self._deliver)
        cluster.on_node(self._on_node)
        self._here, self._there = self._timeouts(loop, 0.0), self._timeouts(loop, MARGIN)
        self.actions = Actions(
            {
                RpcAction.PROVIDE: self._provide,
                RpcAction.UNPROVIDE: self._unprovide,
                RpcAction.REQUEST: self._request,
                RpcAction.ACCEPT: self._accept,
                RpcAction.RESPONSE: self._respond,
                RpcAction.REQUEST_ERROR: self._respond,
                RpcAction.REJECT: self._reject,
            }
        )

    def _timeouts(self, loop: AbstractEventLoop, margin: float) -> Timeouts:
        settings = self._settings
        return Timeouts(
            Deadlines(loop, settings.ack_timeout + margin, self._on_ack_timeout),
            Deadlines(loop, settings.response_timeout + margin, self._on_response_timeout),
        )

    def remove_connection(self, connection: Connection) -> None:
        """A socket is gone: its calls go to another provider, or fail at once if it had accepted."""
        self.providers.remove_connection(connection)
        self._lose(connection)

    def calls_in_flight(self) -> int:
        """How many calls wait for a provider."""
        return sum(map(len, self._calls.values()))

    def calls(self) -> Iterator[Call]:
        """Every call that waits for a provider here; not to be changed meanwhile."""
        for calls in self._calls.values():
            yield from calls.values()

    def close(self) -> None:
        """Cancel the timers."""
        self._here.close()
        self._there.close()

    def _provide(self, connection: Connection, message: Message) -> None:
        subscribe_bulk(connection, message, self.providers.add, RpcAction.MULTIPLE_PROVIDERS)

    def _unprovide(self, connection: Connection, message: Message) -> None:
        unsubscribe_bulk(connection, message, self.providers.remove, RpcAction.NOT_PROVIDED)

    def _request(self, connection: Connection, message: Message) -> None:
        if message.name is None or message.correlation_id is None or not message.has_readable_data():
            connection.send(refusal(message, RpcAction.INVALID_MESSAGE_DATA))
            return
        if message.binary is None or self._names_requestor:  # else it has all that it should, and no more
            message = self._request_for_providers(connection.user, message)
        self._route(Call(connection, message))

    def _request_for_providers(self, user: User, message: Message) -> Message:
        """What providers get."""
        request = Message(Topic.RPC, RpcAction.REQUEST)
        request.name, request.correlation_id = message.name, message.correlation_id
        if message.data is not None:
            request.data = message.data
        if self._settings.provide_requestor_name and user.id is not None:
            request.requestor_name = user.id
        if self._settings.provide_requestor_data and user.client_data is not None:
            request.requestor_data = orjson.dumps(user.client_data).decode()
        return request

    def _route(self, call: Call) -> None:
        """Give ``call`` to a provider that was not tried, or tell the requestor that there is none."""
        provider = self._choose(call)
        if provider is None:
            call.fail(RpcAction.NO_RPC_PROVIDER)
            return
        call.provider = provider
        if call.tried:
            call.tried.add(provider)
        else:
            call.tried = {provider}
        call.timeouts = timeouts = self._here if isinstance(provider, Connection) else self._there
        timeouts.unaccepted.start(call)  # before it is sent: that may be what ends the provider
        if isinstance(provider, Connection):
            call.asked_as = call.request.correlation_id or ""
            self._calls.setdefault(provider, {})[call.asked_as] = call
            provider.send(call.request)
        else:
            self._pass_on(call, provider)

    def _choose(self, call: Call) -> Connection | str | None:
        """A random provider of this node, but none that was tried or is busy with a call of the same id;
        else a random node that has some."""
        name = call.request.name or ""
        providers = self.providers.at(name)
        if len(providers) == 1:
            (provider,) = providers
            if self._is_free(provider, call):
                return provider
        elif free := [provider for provider in providers if self._is_free(provider, call)]:
            return random.choice(free)
        if call.stays_here:
            return None
        nodes = [node for node in self._cluster.nodes_at("rpc", name) if node not in call.tried]
        return random.choice(nodes) if nodes else None

    def _is_free(self, provider: Connection, call: Call) -> bool:
        calls = self._calls.get(provider)
        return provider not in call.tried and (calls is None or call.request.correlation_id not in calls)

    def _pass_on(self, call: Call, node: str) -> None:
        """Have another node find a provider; between nodes a call has an id that no client made up."""
        call.asked_as = next(self._passed_on)
        self._calls.setdefault(node, {})[call.asked_as] = call
        request = Message(**call.request.fields() | {"correlation_id": call.asked_as})
        self._cluster.send(node, request)

    # What other nodes say

    def _deliver(self, node: str, message: Message) -> None:
        if message.action == RpcAction.REQUEST:
            self._route(Call(RemoteRequestor(self._cluster, node), message, stays_here=True))
            return
        call = self._calls.get(node, {}).get(message.correlation_id or "")
        if call is None:  # it has ended meanwhile
            return
        match message.action:
            case RpcAction.ACCEPT:
                self._accepted(call, message)
            case RpcAction.NO_RPC_PROVIDER:
                self._try_next(call)
            case _:
                self._end(call)
                call.pass_on(message)

    def _on_node(self, node: str, alive: bool) -> None:
        if not alive:
            self._lose(node)

    def _lose(self, provider: Connection | str) -> None:
        """A provider is gone, or a node with providers."""
        for call in list(self._calls.get(provider, {}).values()):
            if call.accepted:
                self._end(call)
                call.fail(RpcAction.RESPONSE_TIMEOUT)
            else:
                self._try_next(call)

    # What providers say

    def _find(self, connection: Connection, message: Message) -> Call | None:
        """The call that a provider speaks of; one that it does not have is answered with an error."""
        calls = self._calls.get(connection)
        call = calls.get(message.correlation_id or "") if calls is not None else None
        if call is None or call.request.name != message.name:
            connection.send(refusal(message, RpcAction.INVALID_RPC_CORRELATION_ID))
            return None
        return call

    def _accept(self, connection: Connection, message: Message) -> None:
        call = self._find(connection, message)
        if call is None:
            return
        if call.accepted:
            connection.send(refusal(message, RpcAction.MULTIPLE_ACCEPT))
            return
        self._accepted(call, message)

    def _accepted(self, call: Call, message: Message) -> None:
        call.accepted = True
        if call.timeouts is not None:
            call.timeouts.unaccepted.stop(call)
            call.timeouts.unanswered.start(call)
        call.pass_on(message)

    def _respond(self, connection: Connection, message: Message) -> None:
        call = self._find(connection, message)
        if call is None:
            return
        if not message.has_readable_data():
            connection.send(refusal(message, RpcAction.INVALID_MESSAGE_DATA))
            return
        self._end(call)
        call.pass_on(message)

    def _reject(self, connection: Connection, message: Message) -> None:
        call = self._find(connection, message)
        if call is not None:
            self._try_next(call)

    def _try_next(self, call: Call) -> None:
        self._end(call)
        call.accepted = False
        self._route(call)

    def _on_ack_timeout(self, call: Call) -> None:
        self._end(call)
        call.fail(RpcAction.ACCEPT_TIMEOUT)

    def _on_response_timeout(self, call: Call) -> None:
        self._end(call)
        call.fail(RpcAction.RESPONSE_TIMEOUT)

    def _end(self, call: Call) -> None:
        """Expect nothing more from the provider that has ``call``."""
        timeouts, call.timeouts = call.timeouts, None
        if timeouts is not None:
            (timeouts.unanswered if call.accepted else timeouts.unaccepted).stop(call)
        provider, call.provider = call.provider, None
        if provider is not None:
            calls = self._calls[provider]
            del calls[call.asked_as]
            if not calls:
                del self._calls[provider]
