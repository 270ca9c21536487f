"""Listening, for events and records alike (PROTOCOL.md section 8)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from deepstream_protocol.topics import EventAction as Event
from deepstream_protocol.topics import RecordAction as Record
from tests.reference.script import A, Actor, B, C, D, Script, Step, Steps, asks, script


class Topic:
    """The actions of listening in one topic; records also tell their subscribers about providers."""

    def __init__(self, actions: Any) -> None:
        self.actions = actions

    def listens(self, actor: Actor, pattern: str, id: str = "l") -> list[Steps]:
        """Listen, with nothing there to provide yet."""
        actions = self.actions
        return [actor.sends(actions.LISTEN, name=pattern, id=id),
                actor.gets(actions.LISTEN, name=pattern, id=id, is_ack=True)]  # fmt: skip

    def unlistens(self, actor: Actor, pattern: str) -> list[Steps]:
        """Stop listening."""
        actions = self.actions
        return [actor.sends(actions.UNLISTEN, name=pattern, id="u"),
                actor.gets(actions.UNLISTEN, name=pattern, id="u", is_ack=True)]  # fmt: skip

    def subscribes(self, actor: Actor, *names: str) -> list[Steps]:
        """Subscribe, with no provider yet."""
        return asks(actor, self.actions.SUBSCRIBE, *names)

    def is_asked(self, actor: Actor, pattern: str, name: str) -> Step:
        """Hear that a name is wanted."""
        return actor.gets(self.actions.SUBSCRIPTION_FOR_PATTERN_FOUND, name=pattern, subscription=name)

    def is_released(self, actor: Actor, pattern: str, name: str) -> Step:
        """Hear that a name is not wanted any more."""
        return actor.gets(self.actions.SUBSCRIPTION_FOR_PATTERN_REMOVED, name=pattern, subscription=name)

    def accepts(self, actor: Actor, pattern: str, name: str, *subscribers: Actor) -> list[Steps]:
        """Become the provider; the subscribers of a record hear of it, and that of an event counts now."""
        accept = actor.sends(self.actions.LISTEN_ACCEPT, name=pattern, subscription=name)
        return [accept, *self.told(Record.SUBSCRIPTION_HAS_PROVIDER, name, *subscribers), actor.is_quiet()]

    def accepts_in_vain(self, actor: Actor, pattern: str, name: str) -> list[Steps]:
        """Accept what was not asked, or not in time, and be released from it at once."""
        accept = actor.sends(self.actions.LISTEN_ACCEPT, name=pattern, subscription=name)
        return [accept, self.is_released(actor, pattern, name), actor.is_quiet()]

    def rejects(self, actor: Actor, pattern: str, name: str) -> Step:
        """Decline to be the provider."""
        return actor.sends(self.actions.LISTEN_REJECT, name=pattern, subscription=name)

    def told(self, action: IntEnum, name: str, *subscribers: Actor) -> list[Steps]:
        """What subscribers are told about a provider: nothing in the case of events."""
        return [actor.gets(action, name=name) for actor in subscribers] if self.actions is Record else []


def both(title: str, *steps: Any) -> list[Script]:
    """The same script for events and for records, made by functions of the topic."""
    topics = {"event": Topic(Event), "record": Topic(Record)}
    return [
        script(f"{name} {title}", *(_of(step, topic) for step in steps)) for name, topic in topics.items()
    ]


def _of(step: Any, topic: Topic) -> Steps:
    steps: Steps = step(topic) if callable(step) else step
    return steps


HAS_NO = Record.SUBSCRIPTION_HAS_NO_PROVIDER

SCRIPTS = [
    *both("listeners get an acknowledgement with the pattern", lambda t: t.listens(A, "x/.*")),
    *both("listeners with a bad pattern are told what is wrong with it",
          lambda t: (A.sends(t.actions.LISTEN, name="[bad(", id="1"),
                     A.gets(t.actions.INVALID_LISTEN_REGEX, name="[bad(", id="1", data='"missing ]: [bad("',
                            original_action=int(t.actions.LISTEN), is_error=True))),
    *both("patterns that are not listened to are remarked on when they are unlistened",
          lambda t: (t.listens(A, "x/.*"), A.sends(t.actions.UNLISTEN, name="other", id="2"),
                     A.gets(t.actions.NOT_SUBSCRIBED, name="other",
                            original_action=int(t.actions.UNLISTEN)))),
    *both("listening to the same pattern twice is remarked on",
          lambda t: (t.listens(A, "x/.*"), A.sends(t.actions.LISTEN, name="x/.*", id="2"),
                     A.gets(t.actions.MULTIPLE_SUBSCRIPTIONS, name="x/.*",
                            original_action=int(t.actions.LISTEN)))),
    *both("listeners are asked about a new subscription that matches",
          lambda t: (t.listens(A, "x/.*"), t.subscribes(B, "y/1", "x/1"), t.is_asked(A, "x/.*", "x/1"),
                     t.accepts(A, "x/.*", "x/1", B))),
    *both("listeners are asked about subscriptions that are there already",
          lambda t: (t.subscribes(B, "x/1", "y/1", "x/2"), A.sends(t.actions.LISTEN, name="x/.*", id="l"),
                     t.is_asked(A, "x/.*", "x/1"), t.is_asked(A, "x/.*", "x/2"),
                     A.gets(t.actions.LISTEN, name="x/.*", id="l", is_ack=True),
                     t.accepts(A, "x/.*", "x/1", B), t.rejects(A, "x/.*", "x/2"))),
    *both("providers are not asked again for a second subscriber",
          lambda t: (t.listens(A, "x/.*"), t.subscribes(B, "x/1"), t.is_asked(A, "x/.*", "x/1"),
                     t.accepts(A, "x/.*", "x/1", B), C.sends(t.actions.SUBSCRIBE, names=["x/1"], id="s"),
                     t.told(Record.SUBSCRIPTION_HAS_PROVIDER, "x/1", C),
                     C.gets(t.actions.SUBSCRIBE, id="s", is_ack=True))),
    *both("providers hear when the last subscriber has unsubscribed",
          lambda t: (t.listens(A, "x/.*"), t.subscribes(B, "x/1"), t.is_asked(A, "x/.*", "x/1"),
                     t.accepts(A, "x/.*", "x/1", B), C.sends(t.actions.SUBSCRIBE, names=["x/1"], id="s"),
                     t.told(Record.SUBSCRIPTION_HAS_PROVIDER, "x/1", C),
                     C.gets(t.actions.SUBSCRIBE, id="s", is_ack=True),
                     asks(B, t.actions.UNSUBSCRIBE, "x/1"), A.is_quiet(),
                     asks(C, t.actions.UNSUBSCRIBE, "x/1"), t.is_released(A, "x/.*", "x/1"))),
    *both("providers hear when the last subscriber has left",
          lambda t: (t.listens(A, "x/.*"), t.subscribes(B, "x/1"), t.is_asked(A, "x/.*", "x/1"),
                     t.accepts(A, "x/.*", "x/1", B), B.leaves(), t.is_released(A, "x/.*", "x/1"))),
    *both("listeners that rejected do not hear when the last subscriber has gone",
          lambda t: (t.listens(A, "x/.*"), t.subscribes(B, "x/1"), t.is_asked(A, "x/.*", "x/1"),
                     t.rejects(A, "x/.*", "x/1"), A.is_quiet(), asks(B, t.actions.UNSUBSCRIBE, "x/1"))),
    *both("providers are asked again when a name is wanted again",
          lambda t: (t.listens(A, "x/.*"), t.subscribes(B, "x/1"), t.is_asked(A, "x/.*", "x/1"),
                     t.accepts(A, "x/.*", "x/1", B),
                     asks(B, t.actions.UNSUBSCRIBE, "x/1"), t.is_released(A, "x/.*", "x/1"),
                     t.subscribes(B, "x/1"), t.is_asked(A, "x/.*", "x/1"), t.accepts(A, "x/.*", "x/1", B))),
    *both("listeners are asked one after another, in the order they came",
          lambda t: (t.listens(A, "x/.*"), t.listens(B, "x/[0-9]"), t.listens(C, ".*/1"),
                     t.subscribes(D, "x/1"),
                     t.is_asked(A, "x/.*", "x/1"), B.is_quiet(), t.rejects(A, "x/.*", "x/1"),
                     t.is_asked(B, "x/[0-9]", "x/1"), C.is_quiet(), t.accepts(B, "x/[0-9]", "x/1", D))),
    *both("listeners with two patterns that match are asked for each",
          lambda t: (t.listens(A, "x/.*"), t.listens(A, "x/1"), t.subscribes(B, "x/1"),
                     t.is_asked(A, "x/.*", "x/1"), t.rejects(A, "x/.*", "x/1"),
                     t.is_asked(A, "x/1", "x/1"), t.accepts(A, "x/1", "x/1", B))),
    *both("searches go on with the next listener when a provider stops listening",
          lambda t: (t.listens(A, "x/.*"), t.subscribes(C, "x/1"), t.is_asked(A, "x/.*", "x/1"),
                     t.accepts(A, "x/.*", "x/1", C), t.listens(B, "x/1"), B.is_quiet(),
                     t.unlistens(A, "x/.*"),
                     t.told(HAS_NO, "x/1", C), t.is_asked(B, "x/1", "x/1"), t.accepts(B, "x/1", "x/1", C))),
    *both("searches go on with the next listener when a provider has left",
          lambda t: (t.listens(A, "x/.*"), t.subscribes(C, "x/1"), t.is_asked(A, "x/.*", "x/1"),
                     t.accepts(A, "x/.*", "x/1", C), t.listens(B, "x/1"), B.is_quiet(), A.leaves(),
                     t.told(HAS_NO, "x/1", C), t.is_asked(B, "x/1", "x/1"), t.accepts(B, "x/1", "x/1", C))),
    *both("subscribers hear when the only provider stops listening",
          lambda t: (t.listens(A, "x/.*"), t.subscribes(B, "x/1"), t.is_asked(A, "x/.*", "x/1"),
                     t.accepts(A, "x/.*", "x/1", B), t.unlistens(A, "x/.*"), t.told(HAS_NO, "x/1", B))),
    *both("searches go on at once when the listener that is asked leaves",
          lambda t: (t.listens(A, "x/.*"), t.listens(B, "x/1"), t.subscribes(C, "x/1"),
                     t.is_asked(A, "x/.*", "x/1"),
                     A.leaves(), t.is_asked(B, "x/1", "x/1"), t.accepts(B, "x/1", "x/1", C))),
    *both("listeners may provide for themselves",
          lambda t: (t.listens(A, "x/.*"), A.sends(t.actions.SUBSCRIBE, names=["x/1"], id="s"),
                     t.is_asked(A, "x/.*", "x/1"), A.gets(t.actions.SUBSCRIBE, id="s", is_ack=True),
                     t.accepts(A, "x/.*", "x/1", A), A.sends(t.actions.UNSUBSCRIBE, names=["x/1"], id="u"),
                     t.is_released(A, "x/.*", "x/1"), A.gets(t.actions.UNSUBSCRIBE, id="u", is_ack=True))),
    *both("listeners that were not asked accept in vain and are told so",
          lambda t: (t.listens(A, "x/.*"), t.subscribes(B, "y/1"), t.accepts_in_vain(A, "x/.*", "y/1"),
                     t.rejects(A, "x/.*", "y/2"), A.is_quiet())),
    *both("names that nobody wants any more are accepted in vain",
          lambda t: (t.listens(A, "x/.*"), t.subscribes(B, "x/1"), t.is_asked(A, "x/.*", "x/1"),
                     asks(B, t.actions.UNSUBSCRIBE, "x/1"), t.accepts_in_vain(A, "x/.*", "x/1"))),
    script("a listener that does not answer in time is told so, and the next one is asked",
           A.sends(Event.LISTEN, name="x/.*", id="l"), A.gets(Event.LISTEN, name="x/.*", id="l", is_ack=True),
           B.sends(Event.LISTEN, name="x/1", id="l"), B.gets(Event.LISTEN, name="x/1", id="l", is_ack=True),
           asks(C, Event.SUBSCRIBE, "x/1"),
           A.gets(Event.SUBSCRIPTION_FOR_PATTERN_FOUND, name="x/.*", subscription="x/1"),
           A.gets(Event.LISTEN_RESPONSE_TIMEOUT, subscription="x/1"),
           B.gets(Event.SUBSCRIPTION_FOR_PATTERN_FOUND, name="x/1", subscription="x/1"),
           B.gets(Event.LISTEN_RESPONSE_TIMEOUT, subscription="x/1"), setting="hasty"),
    script("an acceptance after the time is over does not count",
           A.sends(Record.LISTEN, name="x/.*", id="l"),
           A.gets(Record.LISTEN, name="x/.*", id="l", is_ack=True),
           asks(B, Record.SUBSCRIBE, "x/1"),
           A.gets(Record.SUBSCRIPTION_FOR_PATTERN_FOUND, name="x/.*", subscription="x/1"),
           A.gets(Record.LISTEN_RESPONSE_TIMEOUT, subscription="x/1"),
           Topic(Record).accepts_in_vain(A, "x/.*", "x/1"), setting="hasty"),
]  # fmt: skip
