"""Presence (PROTOCOL.md section 7)."""

from __future__ import annotations

from deepstream_protocol.topics import PresenceAction as Presence
from tests.reference.script import A, Actor, B, C, D, Steps, asks, script


def watches_all(actor: Actor) -> list[Steps]:
    """Subscribe to everybody."""
    return [actor.sends(Presence.SUBSCRIBE_ALL), actor.gets(Presence.SUBSCRIBE_ALL, is_ack=True)]


ANN = A.enters(username="ann")

SCRIPTS = [
    script("everybody's coming and going is told", ANN, watches_all(A),
           B.enters(username="bob"), A.gets(Presence.PRESENCE_JOIN_ALL, name="bob"),
           B.leaves(), A.gets(Presence.PRESENCE_LEAVE_ALL, name="bob")),
    script("a user joins with the first socket and leaves with the last", ANN, watches_all(A),
           B.enters(username="bob"), A.gets(Presence.PRESENCE_JOIN_ALL, name="bob"),
           C.enters(username="bob"), A.is_quiet(), B.leaves(), D.enters(username="dan"),
           A.gets(Presence.PRESENCE_JOIN_ALL, name="dan"), C.leaves(),
           A.gets(Presence.PRESENCE_LEAVE_ALL, name="bob")),
    script("one's own further sockets are not told", ANN, watches_all(A), B.enters(username="ann"),
           B.leaves(),
           C.enters(username="cat"), A.gets(Presence.PRESENCE_JOIN_ALL, name="cat")),
    script("users without a name come and go unseen", ANN, watches_all(A), B.enters(), B.leaves(),
           C.enters(username="cat"), A.gets(Presence.PRESENCE_JOIN_ALL, name="cat")),
    script("an acknowledgement for everybody has the correlation id that was sent",
           A.sends(Presence.SUBSCRIBE_ALL, id="1"), A.gets(Presence.SUBSCRIBE_ALL, id="1", is_ack=True),
           A.sends(Presence.UNSUBSCRIBE_ALL, id="2"), A.gets(Presence.UNSUBSCRIBE_ALL, id="2", is_ack=True)),
    script("subscribing to everybody twice is remarked on", watches_all(A), A.sends(Presence.SUBSCRIBE_ALL),
           A.gets(Presence.MULTIPLE_SUBSCRIPTIONS, name="%_EVERYONE_%", original_action=12),
           A.gets(Presence.SUBSCRIBE_ALL, is_ack=True)),
    script("after unsubscribing from everybody nobody is told", ANN, watches_all(A),
           A.sends(Presence.UNSUBSCRIBE_ALL), A.gets(Presence.UNSUBSCRIBE_ALL, is_ack=True),
           B.enters(username="bob"), B.leaves()),
    script("single users are told to who asked for them", ANN, asks(A, Presence.SUBSCRIBE, "bob", "cat"),
           D.enters(username="dan"), B.enters(username="bob"), A.gets(Presence.PRESENCE_JOIN, name="bob"),
           B.leaves(), A.gets(Presence.PRESENCE_LEAVE, name="bob")),
    script("who asked for everybody and for one hears of that one twice", ANN, watches_all(A),
           asks(A, Presence.SUBSCRIBE, "bob"),
           B.enters(username="bob"), A.gets(Presence.PRESENCE_JOIN_ALL, name="bob"),
           A.gets(Presence.PRESENCE_JOIN, name="bob"),
           B.leaves(), A.gets(Presence.PRESENCE_LEAVE_ALL, name="bob"),
           A.gets(Presence.PRESENCE_LEAVE, name="bob")),
    script("subscribing to a user twice is remarked on", asks(A, Presence.SUBSCRIBE, "bob"),
           A.sends(Presence.SUBSCRIBE, names=["bob", "cat"], id="2"),
           A.gets(Presence.MULTIPLE_SUBSCRIPTIONS, name="bob", original_action=10),
           A.gets(Presence.SUBSCRIBE, id="2", is_ack=True)),
    script("after unsubscribing from a user that one is not told", ANN,
           asks(A, Presence.SUBSCRIBE, "bob", "cat"),
           asks(A, Presence.UNSUBSCRIBE, "bob"), asks(A, Presence.UNSUBSCRIBE, "bob"),
           B.enters(username="bob"), C.enters(username="cat"), A.gets(Presence.PRESENCE_JOIN, name="cat")),
    script("a query for all names everybody but the asker, in order of login", ANN, B.enters(username="bob"),
           C.enters(username="cat"), D.enters(username="bob"), A.sends(Presence.QUERY_ALL, id="1"),
           A.gets(Presence.QUERY_ALL_RESPONSE, names=["bob", "cat"])),
    script("a query for all by somebody without a name names everybody else", A.enters(),
           B.enters(username="bob"),
           A.sends(Presence.QUERY_ALL), A.gets(Presence.QUERY_ALL_RESPONSE, names=["bob"])),
    script("users without a name are not named", ANN, B.enters(), A.sends(Presence.QUERY_ALL),
           A.gets(Presence.QUERY_ALL_RESPONSE)),
    script("a query for some says of each whether they are there, in the order asked", ANN,
           B.enters(username="bob"),
           A.sends(Presence.QUERY, names=["cat", "bob", "ann"], id="1"),
           A.gets(Presence.QUERY_RESPONSE, id="1", data={"cat": False, "bob": True, "ann": True})),
    script("a query for nobody is answered", A.sends(Presence.QUERY, names=[], id="1"),
           A.gets(Presence.QUERY_RESPONSE, id="1", data="{}")),
    script("open is not a user who is there", A.sends(Presence.QUERY, names=["open"], id="1"),
           A.gets(Presence.QUERY_RESPONSE, id="1", data={"open": False})),
]  # fmt: skip
