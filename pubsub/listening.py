"""Active providers: clients that listen to patterns and are asked to provide matching names.

PROTOCOL.md section 8; records and events each have a ``Listening`` of their own.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Collection, Sequence

import orjson

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from pubsub.cluster import Cluster
from pubsub.connection import Connection
from pubsub.patterns import Pattern
from pubsub.replies import acknowledge, refusal, remark
from pubsub.search import ListenSettings, Offer, Searches
from pubsub.subscriptions import Subscriptions
from pubsub.timers import Deadlines

NEWS_TIMEOUT = 1.0
"""Seconds in which a node hears of a subscriber that the arbiter of the name has heard of before it.

News of different nodes overtake each other: the arbiter may also want a provider for a name whose last
subscriber this node knows to be gone.
"""

REST = 0.1
"""Seconds until another provider is looked for when one elsewhere is gone: mostly its last subscriber is
gone as well, and the news of that is on its way."""

__all__ = ["ListenSettings", "Listening", "Offer", "provider_message"]


class Listening:
    """Keeps who listens to which pattern and who provides which name, and has providers searched.

    Another node's patterns, subscribers and providers count like those here (``pubsub.cluster``).
    """

    def __init__(
        self,
        topic: Topic,
        subscriptions: Subscriptions,
        cluster: Cluster,
        settings: ListenSettings,
        loop: AbstractEventLoop,
    ) -> None:
        self._topic = topic
        self._actions = RecordAction if topic is Topic.RECORD else EventAction
        self._role = topic.name.lower()
        self._listen_role, self._provide_role = f"{self._role}-listen", f"{self._role}-provide"
        self._tells_subscribers = topic is Topic.RECORD
        self._subscriptions = subscriptions
        self._cluster = cluster
        self._patterns: dict[str, Pattern] = {}
        self._of_connection: dict[Connection, dict[str, None]] = {}
        self._providers: dict[str, Offer] = {}
        self._provided: dict[Offer, dict[str, None]] = {}
        self._searches = Searches(
            topic,
            subscriptions,
            cluster,
            settings,
            loop,
            patterns=self._patterns,
            has_provider=self.has_provider,
        )
        self._unheard: dict[str, str] = {}
        self._unheard_of: Deadlines[str] = Deadlines(loop, NEWS_TIMEOUT, self._on_unwanted)
        self._lost: Deadlines[str] = Deadlines(loop, REST, self._searches.search)
        cluster.on_change(self._role, self._on_subscribed_elsewhere)
        cluster.on_change(self._listen_role, self._on_pattern_elsewhere)
        cluster.on_change(self._provide_role, self._on_provider_elsewhere)
        cluster.on_node(self._on_node)

    def close(self) -> None:
        """Cancel the timers."""
        self._searches.close()
        self._unheard_of.close()
        self._lost.close()

    # What clients ask for

    def listen(self, connection: Connection, message: Message) -> None:
        """LISTEN: register the pattern and offer it every matching name that has no provider."""
        text = message.name or ""
        try:
            pattern = self._patterns.get(text) or Pattern(text)
        except ValueError as error:
            reason = orjson.dumps(str(error)).decode()
            connection.send(refusal(message, self._actions.INVALID_LISTEN_REGEX, data=reason))
            return
        if connection in pattern.listeners:
            remark(connection, message, self._actions.MULTIPLE_SUBSCRIPTIONS, text)
            return
        self._patterns[text] = pattern
        if not pattern.listeners:
            self._cluster.join(self._listen_role, text)
        pattern.listeners[connection] = None
        self._of_connection.setdefault(connection, {})[text] = None
        self._searches.offer_wanted(pattern, Offer(connection, text))
        acknowledge(connection, message)

    def unlisten(self, connection: Connection, message: Message) -> None:
        """UNLISTEN: withdraw the pattern; what was provided under it is searched again."""
        text = message.name or ""
        if text not in self._of_connection.get(connection, ()):
            remark(connection, message, self._actions.NOT_SUBSCRIBED, text)
            return
        acknowledge(connection, message)
        self._withdraw(Offer(connection, text))

    def accept(self, connection: Connection, message: Message) -> None:
        """LISTEN_ACCEPT: the listener that was asked becomes the provider."""
        offer, name = Offer(connection, message.name or ""), message.subscription or ""
        if not self._searches.is_asked(offer, name):
            self._decline(offer, name)
            return
        self._searches.end(name)
        is_first = not self.has_provider(name)
        self._providers[name] = offer
        self._provided.setdefault(offer, {})[name] = None
        self._cluster.join(self._provide_role, name)
        if is_first:
            self._tell_subscribers(name, has_provider=True)

    def reject(self, connection: Connection, message: Message) -> None:
        """LISTEN_REJECT: the next listener is asked; from a provider, it gives the name up."""
        offer, name = Offer(connection, message.name or ""), message.subscription or ""
        if self._searches.is_asked(offer, name):
            self._searches.ask_next(name)
        elif self._providers.get(name) == offer:
            self._lose_provider(name)
            self._searches.search(name, without=offer)
            if name not in self._searches and not self.has_provider(name):
                self._searches.fail(name)

    def remove_connection(self, connection: Connection) -> None:
        """Withdraw all patterns of a connection that is gone."""
        for text in list(self._of_connection.get(connection, ())):
            self._withdraw(Offer(connection, text))

    def patterns_of(self, connection: Connection) -> Sequence[str]:
        """The patterns that ``connection`` listens to."""
        return tuple(self._of_connection.get(connection, ()))

    def patterns(self) -> Collection[str]:
        """Every pattern that somebody listens to."""
        return self._patterns.keys()

    def listeners(self, pattern: str) -> Collection[Connection]:
        """Who listens to ``pattern`` here."""
        found = self._patterns.get(pattern)
        return () if found is None else found.listeners.keys()

    def provider_of(self, name: str) -> Offer | None:
        """Who provides ``name``, and under which pattern."""
        return self._providers.get(name)

    def unprovided(self) -> Collection[str]:
        """Every subscribed name that a pattern matches and that no listener wanted to provide."""
        return self._searches.failed()

    def provided(self) -> Collection[str]:
        """Every name that has a provider."""
        return self._providers.keys()

    def withdraw(self, connection: Connection, pattern: str) -> bool:
        """End one listening, what was provided under it included; False when there is none."""
        if pattern not in self._of_connection.get(connection, ()):
            return False
        self._withdraw(Offer(connection, pattern))
        return True

    # What the subscriptions tell

    def subscribed(self, name: str) -> None:
        """``name`` got its first subscriber here: look for a provider."""
        if self._patterns:
            self._searches.search(name)

    def unsubscribed(self, name: str) -> None:
        """``name`` lost its last subscriber here: unless there are some elsewhere, its provider may stop."""
        if self._cluster.nodes_at(self._role, name):
            return
        self._searches.end(name)
        self._dismiss_provider(name)

    def has_provider(self, name: str) -> bool:
        """Whether somebody provides ``name``."""
        return name in self._providers or bool(self._cluster.nodes_at(self._provide_role, name))

    def rematch(self) -> None:
        """Search again for names whose last search failed, unless that was just now."""
        self._searches.rematch()

    # What other nodes tell

    def is_addressed(self, message: Message) -> bool:
        """Whether ``message``, from another node, is for ``deliver``."""
        return message.action in (self._actions.SUBSCRIPTION_FOR_PATTERN_FOUND, self._actions.LISTEN_REJECT)

    def deliver(self, node: str, message: Message) -> None:
        """The arbiter of a name wants this node's listeners asked, or a node that was asked has none."""
        name = message.subscription or ""
        if message.action == self._actions.LISTEN_REJECT:
            if self._searches.is_asked(node, name):
                self._searches.ask_next(name)
        elif name in self._providers:
            return
        elif self._is_wanted(name):
            self._searches.serve(name, node)
        else:
            self._unheard[name] = node
            self._unheard_of.start(name)

    def _is_wanted(self, name: str) -> bool:
        return name in self._subscriptions or bool(self._cluster.nodes_at(self._role, name))

    def _on_unwanted(self, name: str) -> None:
        """The arbiter wanted a provider for a name that this node never heard a subscriber of."""
        arbiter = self._unheard.pop(name)
        self._cluster.send(arbiter, Message(self._topic, self._actions.LISTEN_REJECT, subscription=name))

    def _on_subscribed_elsewhere(self, node: str, name: str, present: bool) -> None:
        if present:
            self._searches.search(name)
            if self._unheard_of.stop(name):
                self._searches.serve(name, self._unheard.pop(name))
        elif name not in self._subscriptions:
            self.unsubscribed(name)

    def _on_pattern_elsewhere(self, node: str, text: str, present: bool) -> None:
        pattern = self._patterns.get(text)
        if present:
            if pattern is None:
                pattern = self._patterns[text] = Pattern(text)
            pattern.nodes[node] = None
            self._searches.offer_wanted(pattern, node)
        elif pattern is not None:
            pattern.nodes.pop(node, None)
            self._tidy(text, pattern)

    def _on_provider_elsewhere(self, node: str, name: str, present: bool) -> None:
        others = self._cluster.nodes_at(self._provide_role, name)
        if not present:
            if not others and name not in self._providers:
                self._tell_subscribers(name, has_provider=False)
                self._lost.start(name)
            return
        self._searches.end(name)
        if name not in self._providers:
            if len(others) == 1:
                self._tell_subscribers(name, has_provider=True)
        elif node < self._cluster.id:  # two searches met, as after a split: the lower node's provider stays
            self._dismiss_provider(name)

    def _on_node(self, node: str, alive: bool) -> None:
        self._searches.node_changed(node, alive=alive)

    # Providers

    def _decline(self, offer: Offer, name: str) -> None:
        """An acceptance that came too late: the client must know that it is not the provider."""
        provider = self._providers.get(name)
        if offer.pattern in self._patterns and (
            provider is None or provider.connection is not offer.connection
        ):
            offer.send(self._topic, self._actions.SUBSCRIPTION_FOR_PATTERN_REMOVED, name)

    def _withdraw(self, offer: Offer) -> None:
        """The listener no longer listens: it provides nothing and will not be asked."""
        pattern = self._patterns[offer.pattern]
        del pattern.listeners[offer.connection]
        if not pattern.listeners:
            self._cluster.leave(self._listen_role, offer.pattern)
        self._tidy(offer.pattern, pattern)
        patterns = self._of_connection[offer.connection]
        del patterns[offer.pattern]
        if not patterns:
            del self._of_connection[offer.connection]
        for name in list(self._provided.get(offer, ())):
            self._lose_provider(name)
            self._searches.search(name)
        self._searches.withdraw(offer)

    def _tidy(self, text: str, pattern: Pattern) -> None:
        if not pattern.listeners and not pattern.nodes:
            del self._patterns[text]

    def _lose_provider(self, name: str) -> None:
        self._forget_provider(name)
        if not self.has_provider(name):
            self._tell_subscribers(name, has_provider=False)

    def _dismiss_provider(self, name: str) -> None:
        """The provider here, if there is one, is no longer needed."""
        if (offer := self._forget_provider(name)) is not None:
            offer.send(self._topic, self._actions.SUBSCRIPTION_FOR_PATTERN_REMOVED, name)

    def _forget_provider(self, name: str) -> Offer | None:
        offer = self._providers.pop(name, None)
        if offer is not None:
            names = self._provided[offer]
            del names[name]
            if not names:
                del self._provided[offer]
            self._cluster.leave(self._provide_role, name)
        return offer

    def _tell_subscribers(self, name: str, *, has_provider: bool) -> None:
        if self._tells_subscribers:
            self._subscriptions.publish(provider_message(name, has_provider=has_provider))


def provider_message(name: str, *, has_provider: bool) -> Message:
    """What the subscribers of a record are told about its provider."""
    found, lost = RecordAction.SUBSCRIPTION_HAS_PROVIDER, RecordAction.SUBSCRIPTION_HAS_NO_PROVIDER
    return Message(Topic.RECORD, found if has_provider else lost, name=name)
