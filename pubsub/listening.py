"""Active providers: clients that listen to patterns and are asked to provide matching names.

PROTOCOL.md section 8; records and events each have a ``Listening`` of their own.
"""

from __future__ import annotations

import random
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import orjson
import re2

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from pubsub.cluster import Cluster
from pubsub.connection import Connection
from pubsub.replies import acknowledge, refusal, remark
from pubsub.subscriptions import Subscriptions
from pubsub.timers import Deadlines, Every

MAX_PATTERN_LENGTH = 4096
"""Characters; a pattern is kept compiled for as long as its listener listens."""


class Offer(NamedTuple):
    """A listener and the pattern under which it would provide a name."""

    connection: Connection
    pattern: str


class ListenSettings(Protocol):
    """CONFIG.md, ``listen``; durations in seconds."""

    @property
    def shuffle_providers(self) -> bool:
        """Whether listeners are asked in random order."""

    @property
    def response_timeout(self) -> float:
        """How long a listener may take to accept or reject."""

    @property
    def rematch_interval(self) -> float:
        """How often names without a provider are tried again."""

    @property
    def match_cooldown(self) -> float:
        """How long after a failed search that is not done."""


class _Pattern:
    """A compiled pattern and the connections that listen to it, in order of arrival."""

    __slots__ = ("_compiled", "listeners")

    def __init__(self, text: str) -> None:
        options = re2.Options()
        options.log_errors = False
        self._compiled = re2.compile(text, options)
        self.listeners: dict[Connection, None] = {}

    def matches(self, name: str) -> bool:
        """Whether the pattern is found in ``name``; takes time linear in it, whatever the pattern."""
        return self._compiled.search(name) is not None


class _Search:
    """A running search: who is asked now and who is asked after that."""

    __slots__ = ("asked", "waiting")

    def __init__(self, waiting: deque[Offer]) -> None:
        self.asked: Offer | None = None
        self.waiting = waiting


class Listening:
    """Finds a provider for every subscribed name that a pattern matches, one search a name at a time.

    ``tells_subscribers`` is on for records, whose subscribers hear whether there is a provider.
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
        self._role = f"{topic.name.lower()}-listen"
        self._tells_subscribers = topic is Topic.RECORD
        self._subscriptions = subscriptions
        self._cluster = cluster
        self._settings = settings
        self._loop = loop
        self._patterns: dict[str, _Pattern] = {}
        self._of_connection: dict[Connection, dict[str, None]] = {}
        self._providers: dict[str, Offer] = {}
        self._provided: dict[Offer, dict[str, None]] = {}
        self._searches: dict[str, _Search] = {}
        self._failed_at: dict[str, float] = {}
        self._asked: Deadlines[str] = Deadlines(loop, settings.response_timeout, self._on_silence)
        self._rematch = Every(loop, settings.rematch_interval, self.rematch)

    def close(self) -> None:
        """Cancel the timers."""
        self._asked.close()
        self._rematch.close()

    # What clients ask for

    def listen(self, connection: Connection, message: Message) -> None:
        """LISTEN: register the pattern and offer it every matching name that has no provider."""
        text = message.name or ""
        try:
            pattern = self._patterns.get(text) or self._compile(text)
        except ValueError as error:
            reason = orjson.dumps(str(error)).decode()
            connection.send(refusal(message, self._actions.INVALID_LISTEN_REGEX, data=reason))
            return
        if connection in pattern.listeners:
            remark(connection, message, self._actions.MULTIPLE_SUBSCRIPTIONS, text)
            return
        if text not in self._patterns:
            self._patterns[text] = pattern
            self._cluster.join(self._role, text)
        pattern.listeners[connection] = None
        self._of_connection.setdefault(connection, {})[text] = None
        offer = Offer(connection, text)
        for name in [name for name in self._subscriptions.names() if pattern.matches(name)]:
            if name not in self._providers:
                self._offer(name, [offer])
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
        if not self._is_asked(offer, name):
            self._decline(offer, name)
            return
        self._end_search(name)
        self._providers[name] = offer
        self._provided.setdefault(offer, {})[name] = None
        self._tell_subscribers(name, has_provider=True)

    def reject(self, connection: Connection, message: Message) -> None:
        """LISTEN_REJECT: the next listener is asked; from a provider, it gives the name up."""
        offer, name = Offer(connection, message.name or ""), message.subscription or ""
        if self._is_asked(offer, name):
            self._ask_next(name)
        elif self._providers.get(name) == offer:
            self._lose_provider(name)
            self._search(name, without=offer)
            if name not in self._searches:
                self._failed_at[name] = self._loop.time()

    def remove_connection(self, connection: Connection) -> None:
        """Withdraw all patterns of a connection that is gone."""
        for text in list(self._of_connection.get(connection, ())):
            self._withdraw(Offer(connection, text))

    def patterns_of(self, connection: Connection) -> Sequence[str]:
        """The patterns that ``connection`` listens to."""
        return tuple(self._of_connection.get(connection, ()))

    def withdraw(self, connection: Connection, pattern: str) -> bool:
        """End one listening, what was provided under it included; False when there is none."""
        if pattern not in self._of_connection.get(connection, ()):
            return False
        self._withdraw(Offer(connection, pattern))
        return True

    # What the subscriptions tell

    def subscribed(self, name: str) -> None:
        """``name`` got its first subscriber: look for a provider."""
        if self._patterns:
            self._search(name)

    def unsubscribed(self, name: str) -> None:
        """``name`` lost its last subscriber: its provider may stop."""
        self._failed_at.pop(name, None)
        if name in self._searches:
            self._end_search(name)
        if (offer := self._forget_provider(name)) is not None:
            self._send(offer, self._actions.SUBSCRIPTION_FOR_PATTERN_REMOVED, name)

    def has_provider(self, name: str) -> bool:
        """Whether somebody provides ``name``."""
        return name in self._providers

    def rematch(self) -> None:
        """Search again for names whose last search failed, unless that was just now."""
        latest = self._loop.time() - self._settings.match_cooldown
        for name in [name for name, failed in self._failed_at.items() if failed <= latest]:
            self._search(name)

    # The search

    def _compile(self, text: str) -> _Pattern:
        if not text or len(text) > MAX_PATTERN_LENGTH:
            raise ValueError(f"a pattern has 1 to {MAX_PATTERN_LENGTH} characters")
        try:
            return _Pattern(text)
        except re2.error as error:
            reason = error.args[0] if error.args else "not a regular expression"
            raise ValueError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None

    def _search(self, name: str, *, without: Offer | None = None) -> None:
        offers = [
            offer
            for text, pattern in self._patterns.items()
            if pattern.matches(name)
            for offer in (Offer(connection, text) for connection in pattern.listeners)
            if offer != without
        ]
        if self._settings.shuffle_providers:
            random.shuffle(offers)
        self._offer(name, offers)

    def _offer(self, name: str, offers: Iterable[Offer]) -> None:
        """Add candidates to the search that runs for ``name``, or start one with them."""
        self._failed_at.pop(name, None)
        search = self._searches.get(name)
        if search is not None:
            search.waiting.extend(offer for offer in offers if offer not in search.waiting)
        elif waiting := deque(offers):
            self._searches[name] = _Search(waiting)
            self._ask_next(name)

    def _ask_next(self, name: str) -> None:
        search = self._searches[name]
        if not search.waiting:
            self._end_search(name)
            self._failed_at[name] = self._loop.time()
            return
        search.asked = search.waiting.popleft()
        self._asked.start(name)
        self._send(search.asked, self._actions.SUBSCRIPTION_FOR_PATTERN_FOUND, name)

    def _is_asked(self, offer: Offer, name: str) -> bool:
        search = self._searches.get(name)
        return search is not None and search.asked == offer

    def _on_silence(self, name: str) -> None:
        """The listener that was asked did not answer in time."""
        asked = self._searches[name].asked
        if asked is not None:
            timeout = Message(self._topic, self._actions.LISTEN_RESPONSE_TIMEOUT, subscription=name)
            asked.connection.send(timeout)
        self._ask_next(name)

    def _decline(self, offer: Offer, name: str) -> None:
        """An acceptance that came too late: the client must know that it is not the provider."""
        provider = self._providers.get(name)
        if offer.pattern in self._patterns and (
            provider is None or provider.connection is not offer.connection
        ):
            self._send(offer, self._actions.SUBSCRIPTION_FOR_PATTERN_REMOVED, name)

    def _end_search(self, name: str) -> None:
        self._asked.stop(name)
        del self._searches[name]

    def _withdraw(self, offer: Offer) -> None:
        """The listener no longer listens: it provides nothing and will not be asked."""
        pattern = self._patterns[offer.pattern]
        del pattern.listeners[offer.connection]
        if not pattern.listeners:
            del self._patterns[offer.pattern]
            self._cluster.leave(self._role, offer.pattern)
        patterns = self._of_connection[offer.connection]
        del patterns[offer.pattern]
        if not patterns:
            del self._of_connection[offer.connection]
        for name in list(self._provided.get(offer, ())):
            self._lose_provider(name)
            self._search(name)
        for name, search in list(self._searches.items()):
            if offer in search.waiting:
                search.waiting.remove(offer)
            if search.asked == offer:
                self._ask_next(name)

    def _lose_provider(self, name: str) -> None:
        self._forget_provider(name)
        self._tell_subscribers(name, has_provider=False)

    def _forget_provider(self, name: str) -> Offer | None:
        offer = self._providers.pop(name, None)
        if offer is not None:
            names = self._provided[offer]
            del names[name]
            if not names:
                del self._provided[offer]
        return offer

    # What goes out

    def _send(self, offer: Offer, action: int, name: str) -> None:
        offer.connection.send(Message(self._topic, action, name=offer.pattern, subscription=name))

    def _tell_subscribers(self, name: str, *, has_provider: bool) -> None:
        if self._tells_subscribers:
            self._subscriptions.publish(provider_message(name, has_provider=has_provider))


def provider_message(name: str, *, has_provider: bool) -> Message:
    """What the subscribers of a record are told about its provider."""
    found, lost = RecordAction.SUBSCRIPTION_HAS_PROVIDER, RecordAction.SUBSCRIPTION_HAS_NO_PROVIDER
    return Message(Topic.RECORD, found if has_provider else lost, name=name)
