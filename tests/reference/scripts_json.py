"""The same messages as JSON text, and the two wire formats side by side (PROTOCOL.md section 1)."""

from __future__ import annotations

from deepstream_protocol.topics import ConnectionAction as Connection
from deepstream_protocol.topics import EventAction as Event
from deepstream_protocol.topics import PresenceAction as Presence
from deepstream_protocol.topics import RecordAction as Record
from deepstream_protocol.topics import RpcAction as Rpc
from tests.reference.script import A, J, asks, script
from tests.reference.scripts_records import ACK, has

SCRIPTS = [
    script("a JSON client gets events of a binary one", asks(J, Event.SUBSCRIBE, "e"),
           A.sends(Event.EMIT, name="e", data={"x": 1}), J.gets(Event.EMIT, name="e", data={"x": 1})),
    script("a binary client gets events of a JSON one", asks(A, Event.SUBSCRIBE, "e"),
           J.sends(Event.EMIT, name="e", data={"x": 1}), A.gets(Event.EMIT, name="e", data={"x": 1})),
    script("a JSON client may send the value instead of its text", asks(A, Event.SUBSCRIBE, "e"),
           J.sends_raw('{"topic":4,"action":2,"name":"e","parsedData":{"x":[0]},"isAck":false}'),
           A.gets(Event.EMIT, name="e", data={"x": [0]}),
           J.sends_raw('{"topic":4,"action":2,"name":"e","parsedData":0}'),
           A.gets(Event.EMIT, name="e", data="0")),
    script("a JSON client shares a record with a binary one", has(A, "json1"), has(J, "json1"),
           A.sends(Record.PATCH, name="json1", version=1, path="a", data="1"),
           J.gets(Record.PATCH, name="json1", version=1, path="a", data="1"),
           J.sends(Record.UPDATE, name="json1", version=2, data={"b": 1}, **ACK),
           J.gets(Record.WRITE_ACKNOWLEDGEMENT, name="json1", **ACK),
           A.gets(Record.UPDATE, name="json1", version=2, data={"b": 1})),
    script("a JSON client is told of a conflict", has(J, "json2"),
           J.sends(Record.UPDATE, name="json2", version=0, data={"b": 1}, **ACK),
           J.gets(Record.VERSION_EXISTS, name="json2", version=0, data="{}", original_action=18, **ACK)),
    script("a JSON client answers the call of a binary one", asks(J, Rpc.PROVIDE, "f"),
           A.sends(Rpc.REQUEST, name="f", id="1", data=[1]), J.gets(Rpc.REQUEST, name="f", id="1", data=[1]),
           J.sends(Rpc.RESPONSE, name="f", id="1", data=2), A.gets(Rpc.RESPONSE, name="f", id="1", data=2)),
    script("a JSON client asks who is there", J.enters(username="jim"), A.enters(username="ann"),
           J.sends(Presence.QUERY, names=["ann", "bob"], id="1"),
           J.gets(Presence.QUERY_RESPONSE, id="1", data={"ann": True, "bob": False}),
           J.sends(Presence.QUERY_ALL), J.gets(Presence.QUERY_ALL_RESPONSE, names=["ann"])),
    script("a binary frame on the JSON path closes the socket", J.sends_raw(b"\x00\x01"), J.is_closed(1003)),
    script("a JSON client before the challenge is told which message was refused", J.opens(),
           J.sends(Event.EMIT, name="e", data="1"),
           J.gets(Connection.INVALID_MESSAGE, original_topic=4, original_action=2)),
]  # fmt: skip
