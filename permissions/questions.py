"""Which action needs which rule: VALVE.md's table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from deepstream_protocol.topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked when a message with a certain action comes in.

    With ``bulk``, of each of its names by itself, else of its ``name``. With ``creates``, the ``create`` rule
    is asked first if the record is missing. ``writes``: ``data`` is what the record would be; ``merges``:
    that depends on what it is. ``reads_new``: a record that was just created is read, as an empty object.
    """

    section: str
    rule_type: str
    bulk: bool = False
    creates: bool = False
    writes: bool = False
    merges: bool = False
    reads_new: bool = False


_READ = Question("record", "read", bulk=True)
_DELETE = Question("record", "delete")
_ALLOW = Question("presence", "allow", bulk=True)

QUESTIONS: Mapping[tuple[int, int], Question] = MappingProxyType(
    {
        (Topic.RECORD, RecordAction.SUBSCRIBE): _READ,
        (Topic.RECORD, RecordAction.SUBSCRIBEANDHEAD): _READ,
        (Topic.RECORD, RecordAction.SUBSCRIBEANDREAD): _READ,
        (Topic.RECORD, RecordAction.READ): _READ,
        (Topic.RECORD, RecordAction.HEAD): _READ,
        (Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD): Question(
            "record", "read", bulk=True, creates=True, reads_new=True
        ),
        (Topic.RECORD, RecordAction.UPDATE): Question("record", "write", writes=True),
        (Topic.RECORD, RecordAction.PATCH): Question("record", "write", writes=True, merges=True),
        (Topic.RECORD, RecordAction.PATCH_MULTI): Question("record", "write", writes=True, merges=True),
        (Topic.RECORD, RecordAction.CREATEANDUPDATE): Question("record", "write", creates=True, writes=True),
        (Topic.RECORD, RecordAction.CREATEANDPATCH): Question(
            "record", "write", creates=True, writes=True, merges=True
        ),
        (Topic.RECORD, RecordAction.DELETE): _DELETE,
        (Topic.RECORD, RecordAction.ERASE): _DELETE,
        (Topic.RECORD, RecordAction.LISTEN): Question("record", "listen"),
        (Topic.RECORD, RecordAction.NOTIFY): Question("record", "notify", bulk=True),
        (Topic.EVENT, EventAction.EMIT): Question("event", "publish"),
        (Topic.EVENT, EventAction.SUBSCRIBE): Question("event", "subscribe", bulk=True),
        (Topic.EVENT, EventAction.LISTEN): Question("event", "listen"),
        (Topic.RPC, RpcAction.PROVIDE): Question("rpc", "provide", bulk=True),
        (Topic.RPC, RpcAction.REQUEST): Question("rpc", "request"),
        (Topic.PRESENCE, PresenceAction.SUBSCRIBE): _ALLOW,
        (Topic.PRESENCE, PresenceAction.QUERY): _ALLOW,
        (Topic.PRESENCE, PresenceAction.SUBSCRIBE_ALL): Question("presence", "allow"),
        (Topic.PRESENCE, PresenceAction.QUERY_ALL): Question("presence", "allow"),
    }
)
"""The question for (topic, action); what is not in here needs no rule."""
