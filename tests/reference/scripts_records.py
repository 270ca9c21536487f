"""Records: reading, subscribing, deleting, notifying (PROTOCOL.md section 5)."""

from __future__ import annotations

from typing import Any

from deepstream_protocol.topics import RecordAction as Record
from tests.reference.script import A, Actor, B, C, Steps, asks, script

ACK: dict[str, Any] = {"id": "w", "is_write_ack": True}


def made(actor: Actor, name: str, data: Any) -> list[Steps]:
    """A record at version 1."""
    return [actor.sends(Record.CREATEANDUPDATE, name=name, version=-1, data=data, **ACK),
            actor.gets(Record.WRITE_ACKNOWLEDGEMENT, name=name, **ACK)]  # fmt: skip


def reads(actor: Actor, name: str, version: int, data: Any) -> list[Steps]:
    """The record as it is now."""
    return [actor.sends(Record.READ, name=name),
            actor.gets(Record.READ_RESPONSE, name=name, version=version, data=data)]  # fmt: skip


def misses(actor: Actor, name: str) -> list[Steps]:
    """There is no such record."""
    return [actor.sends(Record.READ, name=name),
            actor.gets(Record.RECORD_NOT_FOUND, name=name, original_action=3, is_error=True)]  # fmt: skip


def has(actor: Actor, name: str, version: int = 0, data: Any = "{}") -> list[Steps]:
    """Subscribe to a record that is made where it is missing, and read it."""
    return [asks(actor, Record.SUBSCRIBECREATEANDREAD, name, names=[name]),
            actor.gets(Record.READ_RESPONSE, name=name, version=version, data=data)]  # fmt: skip


SCRIPTS = [
    script("a record that is missing is made empty at version 0",
           A.sends(Record.SUBSCRIBECREATEANDREAD, names=["new1"], id="1"),
           A.gets(Record.SUBSCRIBECREATEANDREAD, names=["new1"], id="1", is_ack=True),
           A.gets(Record.READ_RESPONSE, name="new1", version=0, data="{}"), reads(B, "new1", 0, "{}")),
    script("a record that exists is read", made(B, "old1", {"a": 1}), has(A, "old1", 1, {"a": 1})),
    script("many records are acknowledged together and read one by one, in order", made(B, "many2", {"a": 1}),
           A.sends(Record.SUBSCRIBECREATEANDREAD, names=["many2", "many1", "many3"], id="1"),
           A.gets(Record.SUBSCRIBECREATEANDREAD, names=["many2", "many1", "many3"], id="1", is_ack=True),
           A.gets(Record.READ_RESPONSE, name="many2", version=1, data={"a": 1}),
           A.gets(Record.READ_RESPONSE, name="many1", version=0, data="{}"),
           A.gets(Record.READ_RESPONSE, name="many3", version=0, data="{}")),
    script("a record that is subscribed already is remarked on and read again", has(A, "twice"),
           A.sends(Record.SUBSCRIBECREATEANDREAD, names=["twice"], id="2"),
           A.gets(Record.SUBSCRIBECREATEANDREAD, names=["twice"], id="2", is_ack=True),
           A.gets(Record.MULTIPLE_SUBSCRIPTIONS, name="twice", original_action=23),
           A.gets(Record.READ_RESPONSE, name="twice", version=0, data="{}")),
    script("subscribing and reading does not make a record",
           A.sends(Record.SUBSCRIBEANDREAD, names=["sar1"], id="1"),
           A.gets(Record.SUBSCRIBEANDREAD, names=["sar1"], id="1", is_ack=True),
           A.gets(Record.READ_RESPONSE, name="sar1", version=-1, data="{}"), misses(B, "sar1")),
    script("subscribing to a missing record hears of it once it is made",
           A.sends(Record.SUBSCRIBEANDREAD, names=["sar2"], id="1"),
           A.gets(Record.SUBSCRIBEANDREAD, names=["sar2"], id="1", is_ack=True),
           A.gets(Record.READ_RESPONSE, name="sar2", version=-1, data="{}"), made(B, "sar2", {"x": 1}),
           A.gets(Record.UPDATE, name="sar2", version=1, data={"x": 1})),
    script("heads of known records come together, then the acknowledgement, then those that are missing",
           made(B, "head1", {}), has(B, "head2"),
           A.sends(Record.SUBSCRIBEANDHEAD, names=["head1", "head0", "head2"], id="1"),
           A.gets(Record.HEAD_RESPONSE_BULK, versions={"head1": 1, "head2": 0}),
           A.gets(Record.SUBSCRIBEANDHEAD, id="1", is_ack=True),
           A.gets(Record.HEAD_RESPONSE, name="head0", version=-1)),
    script("heads of missing records come with an empty map of known ones",
           A.sends(Record.SUBSCRIBEANDHEAD, names=["head8"], id="1"), A.gets(Record.HEAD_RESPONSE_BULK),
           A.gets(Record.SUBSCRIBEANDHEAD, id="1", is_ack=True),
           A.gets(Record.HEAD_RESPONSE, name="head8", version=-1)),
    script("subscribing to heads subscribes", made(B, "head9", {"a": 1}),
           A.sends(Record.SUBSCRIBEANDHEAD, names=["head9"], id="1"),
           A.gets(Record.HEAD_RESPONSE_BULK, versions={"head9": 1}),
           A.gets(Record.SUBSCRIBEANDHEAD, id="1", is_ack=True),
           B.sends(Record.UPDATE, name="head9", version=2, data={"a": 2}),
           A.gets(Record.UPDATE, name="head9", version=2, data={"a": 2})),
    script("subscribing without reading is only acknowledged", made(B, "sub1", {}),
           asks(A, Record.SUBSCRIBE, "sub1"),
           B.sends(Record.UPDATE, name="sub1", version=2, data=[1]),
           A.gets(Record.UPDATE, name="sub1", version=2, data=[1])),
    script("subscribing twice without reading is remarked on", asks(A, Record.SUBSCRIBE, "sub2"),
           A.sends(Record.SUBSCRIBE, names=["sub2"], id="2"),
           A.gets(Record.MULTIPLE_SUBSCRIPTIONS, name="sub2", original_action=25),
           A.gets(Record.SUBSCRIBE, id="2", is_ack=True)),
    script("reading a missing record is an error", misses(A, "missing1")),
    script("reading needs no subscription and makes none", made(B, "snap", {"a": 1}),
           reads(A, "snap", 1, {"a": 1}),
           B.sends(Record.UPDATE, name="snap", version=2, data={}, **ACK),
           B.gets(Record.WRITE_ACKNOWLEDGEMENT, name="snap", **ACK)),
    script("a head is the version, and -1 for a missing record", made(B, "head5", {}),
           A.sends(Record.HEAD, name="head5"), A.gets(Record.HEAD_RESPONSE, name="head5", version=1),
           A.sends(Record.HEAD, name="head4"), A.gets(Record.HEAD_RESPONSE, name="head4", version=-1)),
    script("after unsubscribing no update arrives", has(A, "unsub"), asks(A, Record.UNSUBSCRIBE, "unsub"),
           B.sends(Record.UPDATE, name="unsub", version=1, data={}, **ACK),
           B.gets(Record.WRITE_ACKNOWLEDGEMENT, name="unsub", **ACK)),
    script("unsubscribing records in bulk does not ask whether there was a subscription",
           asks(A, Record.UNSUBSCRIBE, "nosub")),
    script("a deletion is told to the one who asked and to the other subscribers",
           has(A, "del1"), has(B, "del1"), A.sends(Record.DELETE, name="del1"),
           A.gets(Record.DELETE_SUCCESS, name="del1"), B.gets(Record.DELETED, name="del1"),
           misses(C, "del1")),
    script("a deletion carries no correlation id", has(B, "del5"),
           A.sends(Record.DELETE, name="del5", id="d"),
           A.gets(Record.DELETE_SUCCESS, name="del5"), B.gets(Record.DELETED, name="del5")),
    script("a deletion by somebody who is not subscribed is told to all subscribers",
           has(A, "del2"), has(B, "del2"), C.sends(Record.DELETE, name="del2"),
           C.gets(Record.DELETE_SUCCESS, name="del2"),
           A.gets(Record.DELETED, name="del2"), B.gets(Record.DELETED, name="del2")),
    script("deleting what does not exist succeeds", A.sends(Record.DELETE, name="del3", id="d"),
           A.gets(Record.DELETE_SUCCESS, name="del3")),
    script("a deletion ends all subscriptions", has(A, "del4"), has(B, "del4"),
           A.sends(Record.DELETE, name="del4"), A.gets(Record.DELETE_SUCCESS, name="del4"),
           B.gets(Record.DELETED, name="del4"), made(C, "del4", {"new": 1}), has(A, "del4", 1, {"new": 1}),
           C.sends(Record.UPDATE, name="del4", version=2, data={}),
           A.gets(Record.UPDATE, name="del4", version=2, data={})),
    script("a record that was deleted begins again at version 0", has(A, "del6"),
           A.sends(Record.UPDATE, name="del6", version=1, data={"a": 1}, **ACK),
           A.gets(Record.WRITE_ACKNOWLEDGEMENT, name="del6", **ACK),
           A.sends(Record.DELETE, name="del6"), A.gets(Record.DELETE_SUCCESS, name="del6"), has(A, "del6")),
    script("a deletion releases the provider", A.sends(Record.LISTEN, name="prov1/.*", id="l"),
           A.gets(Record.LISTEN, name="prov1/.*", id="l", is_ack=True), has(B, "prov1/a"),
           A.gets(Record.SUBSCRIPTION_FOR_PATTERN_FOUND, name="prov1/.*", subscription="prov1/a"),
           A.sends(Record.LISTEN_ACCEPT, name="prov1/.*", subscription="prov1/a"),
           B.gets(Record.SUBSCRIPTION_HAS_PROVIDER, name="prov1/a"),
           B.sends(Record.DELETE, name="prov1/a"), B.gets(Record.DELETE_SUCCESS, name="prov1/a"),
           A.gets(Record.SUBSCRIPTION_FOR_PATTERN_REMOVED, name="prov1/.*", subscription="prov1/a")),
    script("a record that has a provider says so between acknowledgement and data",
           A.sends(Record.LISTEN, name="prov2/.*", id="l"),
           A.gets(Record.LISTEN, name="prov2/.*", id="l", is_ack=True),
           has(B, "prov2/a"), A.gets(Record.SUBSCRIPTION_FOR_PATTERN_FOUND, name="prov2/.*",
                                     subscription="prov2/a"),
           A.sends(Record.LISTEN_ACCEPT, name="prov2/.*", subscription="prov2/a"),
           B.gets(Record.SUBSCRIPTION_HAS_PROVIDER, name="prov2/a"),
           asks(C, Record.SUBSCRIBECREATEANDREAD, "prov2/a", names=["prov2/a"]),
           C.gets(Record.SUBSCRIPTION_HAS_PROVIDER, name="prov2/a"),
           C.gets(Record.READ_RESPONSE, name="prov2/a", version=0, data="{}")),
    script("a notification sends the stored record to its subscribers", has(A, "note1"),
           A.sends(Record.UPDATE, name="note1", version=1, data={"a": 1}, **ACK),
           A.gets(Record.WRITE_ACKNOWLEDGEMENT, name="note1", **ACK),
           B.sends(Record.NOTIFY, names=["note1"], id="n"),
           B.gets(Record.NOTIFY, names=["note1"], id="n", is_ack=True),
           A.gets(Record.UPDATE, name="note1", version=1, data={"a": 1})),
    script("a notification about a record that is not stored says that it is deleted",
           asks(A, Record.SUBSCRIBE, "note2"),
           B.sends(Record.NOTIFY, names=["note2"], id="n"),
           B.gets(Record.NOTIFY, names=["note2"], id="n", is_ack=True),
           A.gets(Record.DELETED, name="note2")),
    script("a notification reaches the one who sent it before the acknowledgement",
           made(B, "note3", {"a": 1}),
           asks(A, Record.SUBSCRIBE, "note3"), A.sends(Record.NOTIFY, names=["note3", "note4"], id="n"),
           A.gets(Record.UPDATE, name="note3", version=1, data={"a": 1}),
           A.gets(Record.NOTIFY, names=["note3", "note4"], id="n", is_ack=True)),
]  # fmt: skip
