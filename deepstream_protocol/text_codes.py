"""The letters of the text wire format: topics, and what clients call actions (PROTOCOL.md section 9)."""

from __future__ import annotations

from .topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic

LETTERS: dict[int, str] = {
    Topic.PARSER: "X",
    Topic.CONNECTION: "C",
    Topic.AUTH: "A",
    Topic.EVENT: "E",
    Topic.RECORD: "R",
    Topic.RPC: "P",
    Topic.PRESENCE: "U",
}
"""Of each topic; ``X`` is for what is about none of the others."""

CODES: dict[int, dict[int, str]] = {
    Topic.EVENT: {
        EventAction.EMIT: "EVT",
        EventAction.SUBSCRIBE: "S",
        EventAction.UNSUBSCRIBE: "US",
        EventAction.LISTEN: "L",
        EventAction.UNLISTEN: "UL",
        EventAction.LISTEN_ACCEPT: "LA",
        EventAction.LISTEN_REJECT: "LR",
    },
    Topic.RECORD: {
        RecordAction.SUBSCRIBECREATEANDREAD: "CR",
        RecordAction.READ: "SN",
        RecordAction.HEAD: "HD",
        RecordAction.UPDATE: "U",
        RecordAction.PATCH: "P",
        RecordAction.ERASE: "P",
        RecordAction.CREATEANDUPDATE: "CU",
        RecordAction.CREATEANDPATCH: "CU",
        RecordAction.DELETE: "D",
        RecordAction.SUBSCRIBE: "S",
        RecordAction.UNSUBSCRIBE: "US",
        RecordAction.LISTEN: "L",
        RecordAction.UNLISTEN: "UL",
        RecordAction.LISTEN_ACCEPT: "LA",
        RecordAction.LISTEN_REJECT: "LR",
    },
    Topic.RPC: {
        RpcAction.PROVIDE: "S",
        RpcAction.UNPROVIDE: "US",
        RpcAction.REQUEST: "REQ",
        RpcAction.ACCEPT: "A",
        RpcAction.RESPONSE: "RES",
        RpcAction.REJECT: "REJ",
        RpcAction.REQUEST_ERROR: "E",
    },
    Topic.PRESENCE: {
        PresenceAction.QUERY: "Q",
        PresenceAction.QUERY_ALL: "Q",
        PresenceAction.SUBSCRIBE: "S",
        PresenceAction.SUBSCRIBE_ALL: "S",
        PresenceAction.UNSUBSCRIBE: "US",
        PresenceAction.UNSUBSCRIBE_ALL: "US",
    },
}
"""What a client calls an action, by topic: its requests, and an error's word for the request it answers."""

HAS = "H"
"""Asks whether a record exists, of clients up to version 3; later ones ask for its version.

It is read as a HEAD with this as correlation id, and a HEAD_RESPONSE that has it is written as the yes or no
that was asked for.
"""

WRITE_SUCCESS = '{"writeSuccess":true}'
"""The configuration of a write that is to be acknowledged."""
