"""Searches for active providers, one a name at a time (PROTOCOL.md section 8)."""

from __future__ import annotations

import random
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from pubsub.arbiter import arbiter_of
from pubsub.cluster import Cluster
from pubsub.connection import Connection
from pubsub.patterns import Pattern
from pubsub.subscriptions import Subscriptions
from pubsub.timers import Deadlines, Every

REMOTE_TIMEOUT = 60.0
"""Seconds that another node may take to ask all of its listeners."""


class Offer(NamedTuple):
    """A listener and the pattern under which it would provide a name."""

    connection: Connection
    pattern: str

    def send(self, topic: int, action: int, name: str) -> None:
        """Say something about ``name`` to the listener."""
        self.connection.send(Message(topic, action, name=self.pattern, subscription=name))


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


class _Search:
    """A running search: who is asked now and who is asked after that, listeners here or other nodes.

    ``arbiter`` is the node for which this one asks its listeners; None: for itself.
    """

    __slots__ = ("arbiter", "asked", "waiting")

    def __init__(self, waiting: deque[Offer | str], arbiter: str | None) -> None:
        self.asked: Offer | str | None = None
        self.waiting = waiting
        self.arbiter = arbiter


class Searches:
    """Asks who listens to a matching pattern, one after the other, until somebody provides the name.

    In a cluster the name's arbiter searches (``pubsub.arbiter``): it asks its own listeners, and other
    nodes to do the same with theirs. All nodes know of all subscribed names, patterns and providers, so
    each sees by itself when a search is due.
    """

    def __init__(
        self,
        topic: Topic,
        subscriptions: Subscriptions,
        cluster: Cluster,
        settings: ListenSettings,
        loop: AbstractEventLoop,
        *,
        patterns: Mapping[str, Pattern],
        has_provider: Callable[[str], bool],
    ) -> None:
        self._topic = topic
        self._actions = RecordAction if topic is Topic.RECORD else EventAction
        self._role = topic.name.lower()
        self._subscriptions = subscriptions
        self._cluster = cluster
        self._settings = settings
        self._loop = loop
        self._patterns = patterns
        self._has_provider = has_provider
        self._searches: dict[str, _Search] = {}
        self._failed_at: dict[str, float] = {}
        self._asked: Deadlines[str] = Deadlines(loop, settings.response_timeout, self._on_silence)
        self._asked_nodes: Deadlines[str] = Deadlines(loop, REMOTE_TIMEOUT, self.ask_next)
        cluster.on_loss(self._ask_again)
        self._rematch = Every(loop, settings.rematch_interval, self.rematch)

    def __contains__(self, name: str) -> bool:
        return name in self._searches

    def close(self) -> None:
        """Cancel the timers."""
        self._asked.close()
        self._asked_nodes.close()
        self._rematch.close()

    def failed(self) -> Collection[str]:
        """Every subscribed name that a pattern matches and that no listener wanted to provide."""
        return self._failed_at.keys()

    def fail(self, name: str) -> None:
        """Nobody is left to ask; ``name`` is tried again after a while."""
        self._failed_at[name] = self._loop.time()

    def is_asked(self, asked: Offer | str, name: str) -> bool:
        """Whether it is the turn of a listener, or another node, to provide ``name``."""
        search = self._searches.get(name)
        return search is not None and search.asked == asked

    def end(self, name: str) -> None:
        """Search for a provider of ``name`` no longer."""
        self._failed_at.pop(name, None)
        if self._searches.pop(name, None) is not None:
            self._asked.stop(name)
            self._asked_nodes.stop(name)

    def withdraw(self, offer: Offer) -> None:
        """A listener no longer listens: it will not be asked."""
        for name, search in list(self._searches.items()):
            if offer in search.waiting:
                search.waiting.remove(offer)
            if search.asked == offer:
                self.ask_next(name)

    def serve(self, name: str, arbiter: str) -> None:
        """Ask this node's listeners for another node, which wants to know if none provides ``name``."""
        search = self._searches.get(name)
        if search is None:
            self._start(name, self._offers_here(name), arbiter=arbiter)
        else:
            search.arbiter = arbiter

    def rematch(self) -> None:
        """Search again for names whose last search failed, unless that was just now."""
        latest = self._loop.time() - self._settings.match_cooldown
        for name in [name for name, failed in self._failed_at.items() if failed <= latest]:
            self.search(name)

    def node_changed(self, node: str, *, alive: bool) -> None:
        """Some names have another arbiter now: the old one stops to search, the new one begins."""
        for name, search in list(self._searches.items()):
            if search.arbiter == node or (search.arbiter is None and not self._arbitrates(name)):
                self.end(name)
            elif search.asked == node:
                self.ask_next(name)
        if self._patterns and not alive:
            for name in self._wanted():
                self.search(name)

    def offer_wanted(self, pattern: Pattern, candidate: Offer | str) -> None:
        """Offer ``candidate`` all names that match, have no provider, and are this node's to decide about."""
        for name in [name for name in self._wanted() if pattern.matches(name)]:
            if not self._has_provider(name) and self._arbitrates(name):
                self._offer(name, [candidate])

    def search(self, name: str, *, without: Offer | None = None) -> None:
        """Look for a provider of ``name``, if there is none and it is this node's to look."""
        if self._has_provider(name) or not self._arbitrates(name):
            return
        subscribers = self._cluster.nodes_at(self._role, name)
        if not subscribers and name not in self._subscriptions:
            return
        here = self._offers_here(name, without=without)
        nodes = dict.fromkeys(
            node
            for pattern in self._patterns.values()
            if pattern.nodes and pattern.matches(name)
            for node in pattern.nodes
        )
        near: list[Offer | str] = [node for node in nodes if node in subscribers]
        far: list[Offer | str] = [node for node in nodes if node not in subscribers]
        is_near = name in self._subscriptions
        self._offer(name, [*here, *near, *far] if is_near else [*near, *here, *far])

    def _offer(self, name: str, candidates: Sequence[Offer | str]) -> None:
        """Add candidates to the search that runs for ``name``, or start one with them."""
        self._failed_at.pop(name, None)
        search = self._searches.get(name)
        if search is not None:
            search.waiting.extend(one for one in candidates if one not in search.waiting)
        elif candidates:
            self._start(name, candidates)

    def _start(self, name: str, candidates: Sequence[Offer | str], *, arbiter: str | None = None) -> None:
        self._searches[name] = _Search(deque(candidates), arbiter)
        self.ask_next(name)

    def ask_next(self, name: str) -> None:
        search = self._searches[name]
        if not search.waiting:
            self._give_up(name)
            return
        search.asked = asked = search.waiting.popleft()
        if isinstance(asked, Offer):
            self._asked.start(name)
            asked.send(self._topic, self._actions.SUBSCRIPTION_FOR_PATTERN_FOUND, name)
        else:
            self._asked.stop(name)
            self._asked_nodes.start(name)
            self._ask_node(asked, name)

    def _ask_node(self, node: str, name: str) -> None:
        found = self._actions.SUBSCRIPTION_FOR_PATTERN_FOUND
        self._cluster.send(node, Message(self._topic, found, subscription=name))

    def _ask_again(self, node: str) -> None:
        """The question to ``node``, or its answer, may be lost."""
        for name, search in self._searches.items():
            if search.asked == node:
                self._ask_node(node, name)

    def _give_up(self, name: str) -> None:
        """Nobody wants to provide ``name``."""
        arbiter = self._searches[name].arbiter
        self.end(name)
        if arbiter is None:
            self.fail(name)
        else:
            self._cluster.send(arbiter, Message(self._topic, self._actions.LISTEN_REJECT, subscription=name))

    def _on_silence(self, name: str) -> None:
        """The listener that was asked did not answer in time."""
        asked = self._searches[name].asked
        if isinstance(asked, Offer):
            timeout = Message(self._topic, self._actions.LISTEN_RESPONSE_TIMEOUT, subscription=name)
            asked.connection.send(timeout)
        self.ask_next(name)

    def _arbitrates(self, name: str) -> bool:
        """Whether this node searches for ``name``."""
        others = self._cluster.nodes()
        return not others or arbiter_of(name, (self._cluster.id, *others)) == self._cluster.id

    def _wanted(self) -> list[str]:
        """Every name that has subscribers on any node."""
        return list(dict.fromkeys((*self._subscriptions.names(), *self._cluster.names(self._role))))

    def _offers_here(self, name: str, *, without: Offer | None = None) -> list[Offer]:
        """This node's listeners whose patterns match ``name``, in the order in which to ask them."""
        offers = [
            offer
            for text, pattern in self._patterns.items()
            if pattern.listeners and pattern.matches(name)
            for offer in (Offer(connection, text) for connection in pattern.listeners)
            if offer != without
        ]
        if self._settings.shuffle_providers:
            random.shuffle(offers)
        return offers
