"""What the server tells clients of versions 1 to 3, line by line (PROTOCOL.md section 9)."""

from __future__ import annotations

import pytest

from deepstream_protocol.errors import ProtocolError, UnknownTopic
from deepstream_protocol.message import Message
from deepstream_protocol.text import TextCodec
from deepstream_protocol.text_codes import HAS
from deepstream_protocol.topics import (
    ACTIONS,
    AuthAction,
    ConnectionAction,
    EventAction,
    ParserAction,
    PresenceAction,
    RecordAction,
    RpcAction,
    Topic,
)
from tests.deepstream_protocol.test_text_reading import connection, event, presence, record, rpc
from tests.deepstream_protocol.text_lines import shown

CODEC = TextCodec()


def write(message: Message) -> str:
    return shown(CODEC.encode(message))


def auth(action: AuthAction, **fields: object) -> Message:
    return Message(Topic.AUTH, action, **fields)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (connection(ConnectionAction.CHALLENGE), "C|CH;"),
        (connection(ConnectionAction.ACCEPT), "C|A;"),
        (connection(ConnectionAction.REDIRECT, url="ws://b"), "C|RED|ws://b;"),
        (connection(ConnectionAction.REJECT), "C|REJ;"),
        (connection(ConnectionAction.PING), "C|PI;"),
        (connection(ConnectionAction.PONG), "C|PO;"),
        (connection(ConnectionAction.AUTHENTICATION_TIMEOUT), "C|E|CONNECTION_AUTHENTICATION_TIMEOUT;"),
        (auth(AuthAction.AUTH_SUCCESSFUL), "A|A;"),
        (auth(AuthAction.AUTH_SUCCESSFUL, data='{"a":1}'), 'A|A|O{"a":1};'),
        (auth(AuthAction.AUTH_UNSUCCESSFUL), "A|E|INVALID_AUTH_DATA|U;"),
        (auth(AuthAction.AUTH_UNSUCCESSFUL, data='"no"'), "A|E|INVALID_AUTH_DATA|Sno;"),
        (auth(AuthAction.TOO_MANY_AUTH_ATTEMPTS), "A|E|TOO_MANY_AUTH_ATTEMPTS;"),
        (auth(AuthAction.INVALID_MESSAGE_DATA), "A|E|INVALID_AUTH_MSG|invalid authentication message;"),
        (event(EventAction.SUBSCRIBE, name="a", is_ack=True), "E|A|S|a;"),
        (event(EventAction.UNSUBSCRIBE, name="a", is_ack=True), "E|A|US|a;"),
        (event(EventAction.LISTEN, name="^a", is_ack=True), "E|A|L|^a;"),
        (event(EventAction.UNLISTEN, name="^a", is_ack=True), "E|A|UL|^a;"),
        (event(EventAction.EMIT, name="a", data="1"), "E|EVT|a|N1;"),
        (event(EventAction.EMIT, name="a"), "E|EVT|a|U;"),
        (
            event(EventAction.SUBSCRIPTION_FOR_PATTERN_FOUND, name="^a", subscription="ab"),
            "E|SP|^a|ab;",
        ),
        (
            event(EventAction.SUBSCRIPTION_FOR_PATTERN_REMOVED, name="^a", subscription="ab"),
            "E|SR|^a|ab;",
        ),
        (record(RecordAction.SUBSCRIBECREATEANDREAD, names=["a", "b"], is_ack=True), "R|A|S|a;R|A|S|b;"),
        (record(RecordAction.SUBSCRIBECREATEANDREAD, name="a", is_ack=True), "R|A|S|a;"),
        (record(RecordAction.UNSUBSCRIBE, name="a", is_ack=True), "R|A|US|a;"),
        (record(RecordAction.READ_RESPONSE, name="a", version=3, data='{"b":1}'), 'R|R|a|3|{"b":1};'),
        (record(RecordAction.UPDATE, name="a", version=3, data="[]"), "R|U|a|3|[];"),
        (record(RecordAction.PATCH, name="a", version=3, path="b.c", data='"x"'), "R|P|a|3|b.c|Sx;"),
        (record(RecordAction.PATCH, name="a", version=3, path="b.c"), "R|P|a|3|b.c|U;"),
        (record(RecordAction.ERASE, name="a", version=3, path="b.c"), "R|P|a|3|b.c|U;"),
        (record(RecordAction.HEAD_RESPONSE, name="a", version=-1), "R|HD|a|-1|null;"),
        (record(RecordAction.HEAD_RESPONSE, name="a", version=0, correlation_id=HAS), "R|H|a|T;"),
        (record(RecordAction.HEAD_RESPONSE, name="a", version=-1, correlation_id=HAS), "R|H|a|F;"),
        (record(RecordAction.HEAD_RESPONSE_BULK, versions={"a": 1, "b": 2}), "R|HD|a|1|null;R|HD|b|2|null;"),
        (record(RecordAction.DELETE_SUCCESS, name="a"), "R|A|D|a;"),
        (record(RecordAction.DELETED, name="a"), "R|A|D|a;"),
        (
            record(RecordAction.WRITE_ACKNOWLEDGEMENT, name="a", correlation_id="7", is_write_ack=True),
            "R|WA|a|[7]|L;",
        ),
        (record(RecordAction.SUBSCRIPTION_HAS_PROVIDER, name="a"), "R|SH|a|T;"),
        (record(RecordAction.SUBSCRIPTION_HAS_NO_PROVIDER, name="a"), "R|SH|a|F;"),
        (
            record(RecordAction.VERSION_EXISTS, name="a", version=4, data="{}", correlation_id="4"),
            "R|E|VERSION_EXISTS|a|4|{};",
        ),
        (
            record(RecordAction.VERSION_EXISTS, name="a", version=4, data="{}", is_write_ack=True),
            'R|E|VERSION_EXISTS|a|4|{}|{"writeSuccess":true};',
        ),
        (rpc(RpcAction.PROVIDE, name="add", is_ack=True), "P|A|S|add;"),
        (rpc(RpcAction.UNPROVIDE, name="add", is_ack=True), "P|A|US|add;"),
        (rpc(RpcAction.REQUEST, name="add", correlation_id="1", data="[1]"), "P|REQ|add|1|O[1];"),
        (rpc(RpcAction.ACCEPT, name="add", correlation_id="1"), "P|A|REQ|add|1;"),
        (rpc(RpcAction.RESPONSE, name="add", correlation_id="1"), "P|RES|add|1|U;"),
        (rpc(RpcAction.REQUEST_ERROR, name="add", correlation_id="1", data='"no"'), "P|E|no|add|1;"),
        (rpc(RpcAction.REQUEST_ERROR, name="add", correlation_id="1", data='{"a":1}'), 'P|E|{"a":1}|add|1;'),
        (rpc(RpcAction.REQUEST_ERROR, name="add", correlation_id="1"), "P|E|REQUEST_ERROR|add|1;"),
        (rpc(RpcAction.REQUEST_ERROR, name="add", correlation_id="1", data='""'), "P|E|REQUEST_ERROR|add|1;"),
        (rpc(RpcAction.NO_RPC_PROVIDER, name="add", correlation_id="1"), "P|E|NO_RPC_PROVIDER|add|1;"),
        (rpc(RpcAction.RESPONSE_TIMEOUT, name="add", correlation_id="1"), "P|E|RESPONSE_TIMEOUT|add|1;"),
        (rpc(RpcAction.ACCEPT_TIMEOUT, name="add", correlation_id="1"), "P|E|ACCEPT_TIMEOUT|add|1;"),
        (rpc(RpcAction.MULTIPLE_PROVIDERS, name="add"), "P|E|MULTIPLE_SUBSCRIPTIONS|add;"),
        (rpc(RpcAction.NOT_PROVIDED, name="add"), "P|E|NOT_SUBSCRIBED|add;"),
        (presence(PresenceAction.QUERY_ALL_RESPONSE, names=["ann", "bob"]), "U|Q|ann|bob;"),
        (presence(PresenceAction.QUERY_ALL_RESPONSE, names=[]), "U|Q;"),
        (presence(PresenceAction.QUERY_RESPONSE, correlation_id="1", data='{"a":true}'), 'U|Q|1|{"a":true};'),
        (presence(PresenceAction.SUBSCRIBE_ALL, is_ack=True), "U|A|S|S;"),
        (presence(PresenceAction.UNSUBSCRIBE_ALL, is_ack=True), "U|A|US|US;"),
        (presence(PresenceAction.SUBSCRIBE, correlation_id="2", is_ack=True), "U|A|S|2;"),
        (presence(PresenceAction.UNSUBSCRIBE, correlation_id="3", is_ack=True), "U|A|US|3;"),
        (presence(PresenceAction.PRESENCE_JOIN, name="ann"), "U|PNJ|ann;"),
        (presence(PresenceAction.PRESENCE_JOIN_ALL, name="ann"), "U|PNJ|ann;"),
        (presence(PresenceAction.PRESENCE_LEAVE, name="ann"), "U|PNL|ann;"),
        (presence(PresenceAction.PRESENCE_LEAVE_ALL, name="ann"), "U|PNL|ann;"),
        (event(EventAction.MULTIPLE_SUBSCRIPTIONS, name="a"), "E|E|MULTIPLE_SUBSCRIPTIONS|a;"),
        (event(EventAction.NOT_SUBSCRIBED, name="a"), "E|E|NOT_SUBSCRIBED|a;"),
        (event(EventAction.INVALID_MESSAGE_DATA, name="a", data="O{"), "E|E|INVALID_MESSAGE_DATA|O{;"),
        (event(EventAction.INVALID_LISTEN_REGEX, name="("), "E|E|INVALID_LISTEN_REGEX|(;"),
        (
            event(EventAction.MESSAGE_DENIED, name="a", original_action=EventAction.EMIT),
            "E|E|MESSAGE_DENIED|a|EVT;",
        ),
        (
            rpc(RpcAction.MESSAGE_DENIED, name="a", original_action=RpcAction.REQUEST, correlation_id="1"),
            "P|E|MESSAGE_DENIED|a|REQ|1;",
        ),
        (
            record(RecordAction.MESSAGE_PERMISSION_ERROR, name="a", original_action=RecordAction.DELETE),
            "R|E|MESSAGE_PERMISSION_ERROR|a|D;",
        ),
        (Message(Topic.PARSER, ParserAction.UNKNOWN_TOPIC, data="Z"), "X|E|UNKNOWN_TOPIC|Z;"),
    ],
    ids=str,
)
def test_a_message_is_this_line(message: Message, line: str) -> None:
    assert write(message) == line


@pytest.mark.parametrize(
    ("action", "id", "code"),
    [(RecordAction.READ, None, "SN"), (RecordAction.HEAD, None, "HD"), (RecordAction.HEAD, HAS, "H")],
)
def test_an_error_to_a_read_is_told_to_its_callback_too(action: RecordAction, id: str, code: str) -> None:
    error = record(
        RecordAction.RECORD_NOT_FOUND, name="a", is_error=True, original_action=action, correlation_id=id
    )
    assert write(error) == f"R|E|RECORD_NOT_FOUND|a;R|E|{code}|a|RECORD_NOT_FOUND;"


def test_an_error_to_an_acknowledged_write_is_told_to_its_callback_too() -> None:
    error = record(
        RecordAction.RECORD_UPDATE_ERROR,
        name="a",
        is_error=True,
        is_write_ack=True,
        correlation_id="3",
        original_action=RecordAction.UPDATE,
    )
    assert write(error) == "R|E|RECORD_UPDATE_ERROR|a;R|WA|a|[3]|SRECORD_UPDATE_ERROR;"


@pytest.mark.parametrize(
    "message",
    [
        event(EventAction.LISTEN_RESPONSE_TIMEOUT, subscription="a"),
        record(RecordAction.PATCH_MULTI, name="a", version=1, data="[]"),
        record(RecordAction.NOTIFY, names=["a"], is_ack=True),
        event(EventAction.SUBSCRIPTION_HAS_PROVIDER, name="a"),
        event(77),  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_what_old_clients_have_no_word_for_is_not_told_them(message: Message) -> None:
    assert CODEC.encode(message) == ""


@pytest.mark.parametrize("separator", ["\x1e", "\x1f", "\x1eR\x1fA\x1fD\x1fother\x1e"])
@pytest.mark.parametrize(
    "make",
    [
        lambda text: event(EventAction.EMIT, name=text, data="1"),
        lambda text: event(EventAction.SUBSCRIPTION_FOR_PATTERN_FOUND, name="a", subscription=text),
        lambda text: record(RecordAction.UPDATE, name=text, version=1, data="{}"),
        lambda text: record(RecordAction.PATCH, name="a", version=1, path=text, data="1"),
        lambda text: rpc(RpcAction.REQUEST, name="a", correlation_id=text, data="1"),
        lambda text: presence(PresenceAction.PRESENCE_JOIN, name=text),
    ],
    ids=["event", "subscription", "record", "path", "call id", "user"],
)
def test_a_name_with_a_separator_makes_no_line_rather_than_a_wrong_one(make: object, separator: str) -> None:
    assert CODEC.encode(make(f"x{separator}y")) == ""  # type: ignore[operator]


def test_a_user_with_a_separator_in_the_name_is_left_out_of_the_list() -> None:
    users = presence(PresenceAction.QUERY_ALL_RESPONSE, names=["ann", "b\x1fob", "\x1e", "carl"])
    assert write(users) == "U|Q|ann|carl;"


def test_separators_in_the_error_of_a_call_become_spaces() -> None:
    error = rpc(RpcAction.REQUEST_ERROR, name="a", correlation_id="1", data='"x\\u001ey\\u001fz"')
    assert write(error) == "P|E|x y z|a|1;"


@pytest.mark.parametrize("data", ["", "nonsense", "{", "truex", "nul", "'a'", "1 2", '"a', "01", "+1"])
def test_data_that_is_no_json_makes_no_message(data: str) -> None:
    message = event(EventAction.EMIT, name="a", data=data)
    if data == "{":  # an object is not read again, and its text was when it came
        assert write(message) == "E|EVT|a|O{;"
    else:
        with pytest.raises(ProtocolError):
            CODEC.encode(message)


@pytest.mark.parametrize("topic", [Topic.UNKNOWN, Topic.MONITORING, Topic.CLUSTER, Topic.ERROR, 99])
def test_a_topic_without_messages_cannot_be_written(topic: int) -> None:
    with pytest.raises(UnknownTopic):
        CODEC.encode(Message(topic, 1))


@pytest.mark.parametrize("field", ["name", "data", "correlation_id"])
def test_half_a_surrogate_pair_cannot_be_written(field: str) -> None:
    with pytest.raises(ProtocolError):
        CODEC.encode(rpc(RpcAction.REQUEST, **{"name": "a", field: "\ud800"}))


@pytest.mark.parametrize("topic", list(ACTIONS))
@pytest.mark.parametrize("is_ack", [None, True])
def test_every_action_without_a_single_field_can_be_written(topic: Topic, is_ack: bool | None) -> None:
    for action in ACTIONS[topic]:
        lines = CODEC.encode(Message(topic, action, is_ack=is_ack)).split("\x1e")
        assert all(line.count("\x1f") >= 1 for line in lines[:-1])
        assert lines[-1] == ""
