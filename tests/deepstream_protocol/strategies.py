"""Random messages: every topic, any action, any of the topic's fields, empty ones included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from deepstream_protocol.message import Message
from deepstream_protocol.schema import SCHEMA, Kind
from deepstream_protocol.topics import ACTIONS, EventAction, RecordAction, RpcAction, Topic

TEXT = st.text(max_size=12) | st.integers(0, 3).map(lambda n: "é" * (120 + n)) | st.just("x" * 20_000)
INT32 = st.integers(-(2**31), 2**31 - 1) | st.sampled_from([-1, 0, 127, 128, 2047, 2048, 16383, 16384])

VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.INT: INT32,
    Kind.BOOL: st.booleans(),
    Kind.STRING: TEXT,
    Kind.STRINGS: st.lists(TEXT, min_size=1, max_size=4),
    Kind.COUNTS: st.dictionaries(st.text(max_size=6), INT32, min_size=1, max_size=3),
}


def _fields(topic: int) -> st.SearchStrategy[dict[str, Any]]:
    values = {field.attribute: VALUES[field.kind] for field in SCHEMA[topic] if field.attribute != "action"}
    if "original_topic" in values:
        values["original_topic"] = st.sampled_from(list(map(int, Topic)))
    return st.fixed_dictionaries({}, optional=values)


def _actions(topic: int) -> st.SearchStrategy[int]:
    return st.sampled_from(list(ACTIONS[Topic(topic)])) | st.integers(0, 200)


def _message(topic: int) -> st.SearchStrategy[Message]:
    return st.builds(lambda action, fields: Message(topic, action, **fields), _actions(topic), _fields(topic))


def _hot(topic: Topic, actions: Sequence[int], required: str, optional: str) -> st.SearchStrategy[Message]:
    kinds = {field.attribute: VALUES[field.kind] for field in SCHEMA[topic]}
    always, sometimes = ({name: kinds[name] for name in names.split()} for names in (required, optional))
    fields = st.fixed_dictionaries(always, optional=sometimes)
    return st.builds(lambda action, found: Message(topic, action, **found), st.sampled_from(actions), fields)


ANY_MESSAGE = st.sampled_from(list(SCHEMA)).flatmap(_message)

RECORD_ACTIONS = [RecordAction.UPDATE, RecordAction.PATCH, RecordAction.ERASE, RecordAction.READ_RESPONSE]

HOT_MESSAGE = st.one_of(
    _hot(Topic.EVENT, [EventAction.EMIT], "name", "data"),
    _hot(Topic.RPC, list(RpcAction), "name correlation_id", "data"),
    _hot(Topic.RECORD, RECORD_ACTIONS, "name", "data path version correlation_id is_write_ack"),
)
"""The messages of which the load consists, which have a way of their own through the binary codec."""

MESSAGE = ANY_MESSAGE | HOT_MESSAGE
