"""What rules deny (PROTOCOL.md section 3); here they deny everything about names like ``no/1``."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from deepstream_protocol.topics import EventAction as Event
from deepstream_protocol.topics import PresenceAction as Presence
from deepstream_protocol.topics import RecordAction as Record
from deepstream_protocol.topics import RpcAction as Rpc
from tests.reference.script import A, B, Script, Step, Steps, script
from tests.reference.scripts_records import ACK, misses


def denied(title: str, *steps: Steps) -> Script:
    """A script on a server with rules."""
    return script(title, *steps, setting="guarded")


def is_denied(action: IntEnum, name: str, *, error: str = "MESSAGE_DENIED", **fields: Any) -> list[Steps]:
    """A message about one name that the rules refuse."""
    kept = {key: fields[key] for key in ("id", "is_write_ack") if key in fields}
    return [A.sends(action, name=name, **fields),
            A.gets(type(action)[error], name=name, original_action=int(action), is_error=True,
                   **kept)]  # fmt: skip


def bulk_is_denied(action: IntEnum, name: str) -> Step:
    """What is said of one name of a bulk message."""
    return A.gets(
        type(action)["MESSAGE_DENIED"], name=name, original_action=int(action), id="1", is_error=True
    )


DENIED_ACTIONS: list[tuple[Record, dict[str, Any]]] = [
    (Record.READ, {"id": "1"}),
    (Record.HEAD, {"id": "1"}),
    (Record.DELETE, {"id": "1"}),
    (Record.UPDATE, {"version": 1, "data": "{}"}),
    (Record.PATCH, {"version": 1, "path": "a", "data": "1", **ACK}),
    (Record.ERASE, {"version": 1, "path": "a", **ACK}),
    (Record.CREATEANDUPDATE, {"version": -1, "data": "{}", **ACK}),
    (Record.CREATEANDPATCH, {"version": -1, "path": "a", "data": "1", **ACK}),
    (Record.LISTEN, {"id": "1"}),
]

SCRIPTS = [
    denied("of many events the denied one is dropped and no other",
           A.sends(Event.SUBSCRIBE, names=["yes1", "no/1", "yes2"], id="1"),
           bulk_is_denied(Event.SUBSCRIBE, "no/1"),
           A.gets(Event.SUBSCRIBE, id="1", is_ack=True), B.sends(Event.EMIT, name="yes2", data="1"),
           A.gets(Event.EMIT, name="yes2", data="1")),
    denied("a bulk message of which all is denied is acknowledged all the same",
           A.sends(Event.SUBSCRIBE, names=["no/1"], id="1"), bulk_is_denied(Event.SUBSCRIBE, "no/1"),
           A.gets(Event.SUBSCRIBE, id="1", is_ack=True)),
    denied("a denied event is not sent on", is_denied(Event.EMIT, "no/1", data="1")),
    denied("a denial carries the correlation id", is_denied(Event.EMIT, "no/1", data="1", id="7")),
    denied("a rule that fails is another error than one that denies",
           is_denied(Event.EMIT, "fails/1", data="{}", id="7", error="MESSAGE_PERMISSION_ERROR")),
    denied("listening is denied with the pattern", is_denied(Event.LISTEN, "no/.*", id="1")),
    denied("unsubscribing is never denied", A.sends(Event.UNSUBSCRIBE, names=["no/1"], id="1"),
           A.gets(Event.UNSUBSCRIBE, id="1", is_ack=True)),
    denied("a denied record is not read and not made",
           A.sends(Record.SUBSCRIBECREATEANDREAD, names=["no/2", "dyes1"], id="1"),
           bulk_is_denied(Record.SUBSCRIBECREATEANDREAD, "no/2"),
           A.gets(Record.SUBSCRIBECREATEANDREAD, names=["dyes1"], id="1", is_ack=True),
           A.gets(Record.READ_RESPONSE, name="dyes1", version=0, data="{}")),
    denied("of many heads the denied one is dropped and no other",
           A.sends(Record.SUBSCRIBEANDHEAD, names=["h1", "no/1", "h2"], id="1"),
           bulk_is_denied(Record.SUBSCRIBEANDHEAD, "no/1"), A.gets(Record.HEAD_RESPONSE_BULK),
           A.gets(Record.SUBSCRIBEANDHEAD, id="1", is_ack=True),
           A.gets(Record.HEAD_RESPONSE, name="h1", version=-1),
           A.gets(Record.HEAD_RESPONSE, name="h2", version=-1)),
    denied("a record that may not be created is denied as long as it is missing", misses(A, "nocreate/1"),
           is_denied(Record.CREATEANDUPDATE, "nocreate/1", version=-1, data="{}", **ACK),
           misses(A, "nocreate/1")),
    denied("a record that may not be written can be read",
           A.sends(Record.SUBSCRIBECREATEANDREAD, names=["nowrite/1"], id="1"),
           A.gets(Record.SUBSCRIBECREATEANDREAD, names=["nowrite/1"], id="1", is_ack=True),
           A.gets(Record.READ_RESPONSE, name="nowrite/1", version=0, data="{}"),
           is_denied(Record.UPDATE, "nowrite/1", version=1, data="{}", **ACK)),
    *(denied(f"a denied {action.name.lower()} is answered as denied", is_denied(action, "no/3", **fields))
      for action, fields in DENIED_ACTIONS),
    denied("a denied record is left out of a notification",
           A.sends(Record.NOTIFY, names=["dyes9", "no/4"], id="1"),
           bulk_is_denied(Record.NOTIFY, "no/4"),
           A.gets(Record.NOTIFY, names=["dyes9"], id="1", is_ack=True)),
    denied("a procedure that may not be provided is dropped and no other",
           A.sends(Rpc.PROVIDE, names=["no/1", "f"], id="1"), bulk_is_denied(Rpc.PROVIDE, "no/1"),
           A.gets(Rpc.PROVIDE, id="1", is_ack=True), B.sends(Rpc.REQUEST, name="f", id="2"),
           A.gets(Rpc.REQUEST, name="f", id="2"), A.sends(Rpc.RESPONSE, name="f", id="2", data="1"),
           B.gets(Rpc.RESPONSE, name="f", id="2", data="1")),
    denied("a denied call is answered as denied", is_denied(Rpc.REQUEST, "no/1", id="1", data="1")),
    denied("a call whose rule fails is answered so",
           is_denied(Rpc.REQUEST, "fails/1", id="1", data="{}", error="MESSAGE_PERMISSION_ERROR")),
    denied("a user one may not watch is dropped and no other",
           A.sends(Presence.SUBSCRIBE, names=["no/1", "eva"], id="1"),
           bulk_is_denied(Presence.SUBSCRIBE, "no/1"),
           A.gets(Presence.SUBSCRIBE, id="1", is_ack=True),
           B.enters(username="eva"), A.gets(Presence.PRESENCE_JOIN, name="eva")),
    denied("a user one may not ask about is left out of the answer",
           A.sends(Presence.QUERY, names=["ann", "no/1"], id="1"), bulk_is_denied(Presence.QUERY, "no/1"),
           A.gets(Presence.QUERY_RESPONSE, id="1", data={"ann": False})),
]  # fmt: skip
