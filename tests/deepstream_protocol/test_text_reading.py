"""What clients of versions 1 to 3 say, line by line (PROTOCOL.md section 9)."""

from __future__ import annotations

import pytest

from deepstream_protocol.errors import ProtocolError
from deepstream_protocol.message import Message
from deepstream_protocol.text import MAX_ERRORS, TextCodec
from deepstream_protocol.text_codes import HAS
from deepstream_protocol.topics import (
    AuthAction,
    ConnectionAction,
    EventAction,
    ParserAction,
    PresenceAction,
    RecordAction,
    RpcAction,
    Topic,
)
from tests.deepstream_protocol.text_lines import wire

CODEC = TextCodec()


def read(line: str) -> Message:
    (message,) = CODEC.decode(wire(line))
    return message


def connection(action: ConnectionAction, **fields: object) -> Message:
    return Message(Topic.CONNECTION, action, **fields)


def event(action: EventAction, **fields: object) -> Message:
    return Message(Topic.EVENT, action, **fields)


def record(action: RecordAction, **fields: object) -> Message:
    return Message(Topic.RECORD, action, **fields)


def rpc(action: RpcAction, **fields: object) -> Message:
    return Message(Topic.RPC, action, **fields)


def presence(action: PresenceAction, **fields: object) -> Message:
    return Message(Topic.PRESENCE, action, **fields)


ACKNOWLEDGED = {"is_write_ack": True}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("C|CHR|ws://a/b;", connection(ConnectionAction.CHALLENGE, url="ws://a/b")),
        ("C|CHR;", connection(ConnectionAction.CHALLENGE)),
        ("C|PO;", connection(ConnectionAction.PONG)),
        ("C|PI;", connection(ConnectionAction.PING)),
        ('A|REQ|{"username":"ann"};', Message(Topic.AUTH, AuthAction.REQUEST, data='{"username":"ann"}')),
        ("A|REQ|nonsense;", Message(Topic.AUTH, AuthAction.REQUEST, data="nonsense")),
        ("E|S|a/b;", event(EventAction.SUBSCRIBE, name="a/b")),
        ("E|US|a/b;", event(EventAction.UNSUBSCRIBE, name="a/b")),
        ("E|EVT|a|Shi;", event(EventAction.EMIT, name="a", data='"hi"')),
        ("E|EVT|a|U;", event(EventAction.EMIT, name="a")),
        ("E|EVT|a;", event(EventAction.EMIT, name="a")),
        ("E|L|^a.*;", event(EventAction.LISTEN, name="^a.*")),
        ("E|UL|^a.*;", event(EventAction.UNLISTEN, name="^a.*")),
        ("E|LA|^a|ab;", event(EventAction.LISTEN_ACCEPT, name="^a", subscription="ab")),
        ("E|LR|^a|ab;", event(EventAction.LISTEN_REJECT, name="^a", subscription="ab")),
        ("R|CR|a;", record(RecordAction.SUBSCRIBECREATEANDREAD, name="a")),
        ("R|SN|a;", record(RecordAction.READ, name="a")),
        ("R|HD|a;", record(RecordAction.HEAD, name="a")),
        ("R|H|a;", record(RecordAction.HEAD, name="a", correlation_id=HAS)),
        ("R|US|a;", record(RecordAction.UNSUBSCRIBE, name="a")),
        ("R|D|a;", record(RecordAction.DELETE, name="a")),
        ("R|L|^a;", record(RecordAction.LISTEN, name="^a")),
        ("R|UL|^a;", record(RecordAction.UNLISTEN, name="^a")),
        ("R|LA|^a|ab;", record(RecordAction.LISTEN_ACCEPT, name="^a", subscription="ab")),
        ("R|LR|^a|ab;", record(RecordAction.LISTEN_REJECT, name="^a", subscription="ab")),
        ('R|U|a|3|{"b":1};', record(RecordAction.UPDATE, name="a", version=3, data='{"b":1}')),
        ("R|U|a|3|[];", record(RecordAction.UPDATE, name="a", version=3, data="[]")),
        ("R|U|a|3|{}|{};", record(RecordAction.UPDATE, name="a", version=3, data="{}")),
        (
            'R|U|a|3|{}|{"writeSuccess":true};',
            record(RecordAction.UPDATE, name="a", version=3, data="{}", correlation_id="3", **ACKNOWLEDGED),
        ),
        ("R|P|a|3|b.c|N1.5;", record(RecordAction.PATCH, name="a", version=3, path="b.c", data="1.5")),
        ("R|P|a|3|b.c|L;", record(RecordAction.PATCH, name="a", version=3, path="b.c", data="null")),
        ("R|P|a|3|b.c|U;", record(RecordAction.ERASE, name="a", version=3, path="b.c")),
        (
            'R|P|a|3|b|O{"c":[]}|{"writeSuccess":true};',
            record(
                RecordAction.PATCH,
                name="a",
                version=3,
                path="b",
                data='{"c":[]}',
                correlation_id="3",
                **ACKNOWLEDGED,
            ),
        ),
        ('R|CU|a|-1|{"b":1};', record(RecordAction.CREATEANDUPDATE, name="a", version=-1, data='{"b":1}')),
        (
            'R|CU|a|-1|{"b":1}|{};',
            record(RecordAction.CREATEANDUPDATE, name="a", version=-1, data='{"b":1}'),
        ),
        (
            'R|CU|a|-1|{}|{"writeSuccess":true};',
            record(
                RecordAction.CREATEANDUPDATE,
                name="a",
                version=-1,
                data="{}",
                correlation_id="-1",
                **ACKNOWLEDGED,
            ),
        ),
        ("R|CU|a|-1|b|T;", record(RecordAction.CREATEANDPATCH, name="a", version=-1, path="b", data="true")),
        (
            'R|CU|a|-1|b|O{"c":1}|{};',
            record(RecordAction.CREATEANDPATCH, name="a", version=-1, path="b", data='{"c":1}'),
        ),
        ("P|S|add;", rpc(RpcAction.PROVIDE, name="add")),
        ("P|US|add;", rpc(RpcAction.UNPROVIDE, name="add")),
        ("P|REQ|add|1|O[2];", rpc(RpcAction.REQUEST, name="add", correlation_id="1", data="[2]")),
        ("P|REQ|add|1;", rpc(RpcAction.REQUEST, name="add", correlation_id="1")),
        ("P|A|REQ|add|1;", rpc(RpcAction.ACCEPT, name="add", correlation_id="1")),
        ("P|RES|add|1|F;", rpc(RpcAction.RESPONSE, name="add", correlation_id="1", data="false")),
        ("P|REJ|add|1;", rpc(RpcAction.REJECT, name="add", correlation_id="1")),
        (
            'P|E|no "luck"|add|1;',
            rpc(RpcAction.REQUEST_ERROR, name="add", correlation_id="1", data='"no \\"luck\\""'),
        ),
        ("U|Q|Q;", presence(PresenceAction.QUERY_ALL)),
        ('U|Q|1|["a","b"];', presence(PresenceAction.QUERY, correlation_id="1", names=["a", "b"])),
        ("U|S|S;", presence(PresenceAction.SUBSCRIBE_ALL)),
        ("U|S|U;", presence(PresenceAction.SUBSCRIBE_ALL)),
        ('U|S|2|["a"];', presence(PresenceAction.SUBSCRIBE, correlation_id="2", names=["a"])),
        ("U|US|US;", presence(PresenceAction.UNSUBSCRIBE_ALL)),
        ("U|US|U;", presence(PresenceAction.UNSUBSCRIBE_ALL)),
        ('U|US|3|["a"];', presence(PresenceAction.UNSUBSCRIBE, correlation_id="3", names=["a"])),
    ],
    ids=str,
)
def test_a_line_is_this_message(line: str, message: Message) -> None:
    assert read(line) == message


def test_a_frame_holds_many_messages_in_order() -> None:
    names = [message.name for message in CODEC.decode(wire("E|S|a;E|S|b;E|S|c;"))]
    assert names == ["a", "b", "c"]


def test_the_end_of_the_last_message_may_be_missing_and_nothing_between_two_ends_is_nothing() -> None:
    assert [message.name for message in CODEC.decode(wire(";E|S|a;;E|S|b"))] == ["a", "b"]
    assert CODEC.decode("") == CODEC.decode(wire(";;;")) == []


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("E|S;", ParserAction.MESSAGE_PARSE_ERROR),
        ("E|S|;", ParserAction.MESSAGE_PARSE_ERROR),
        ("E|S|a|b;", ParserAction.MESSAGE_PARSE_ERROR),
        ("E|EVT;", ParserAction.MESSAGE_PARSE_ERROR),
        ("E|EVT|a|Sb|c;", ParserAction.MESSAGE_PARSE_ERROR),
        ("E|LA|^a;", ParserAction.MESSAGE_PARSE_ERROR),
        ("R|U|a|1;", ParserAction.MESSAGE_PARSE_ERROR),
        ("R|U|a|1|{}|{}|{};", ParserAction.MESSAGE_PARSE_ERROR),
        ("R|P|a|1|b;", ParserAction.MESSAGE_PARSE_ERROR),
        ("R|CU|a|-1;", ParserAction.MESSAGE_PARSE_ERROR),
        ("R|CU|a|-1|b|T|c|{};", ParserAction.MESSAGE_PARSE_ERROR),
        ("P|REQ|add;", ParserAction.MESSAGE_PARSE_ERROR),
        ("P|A|RES|add|1;", ParserAction.MESSAGE_PARSE_ERROR),
        ("P|E|add|1;", ParserAction.MESSAGE_PARSE_ERROR),
        ("U|Q|ann;", ParserAction.MESSAGE_PARSE_ERROR),
        ("U|S;", ParserAction.MESSAGE_PARSE_ERROR),
        ("E|XX|a;", ParserAction.UNKNOWN_ACTION),
        ("E;", ParserAction.UNKNOWN_ACTION),
        ("R|R|a|1|{};", ParserAction.UNKNOWN_ACTION),
        ("A|A;", ParserAction.UNKNOWN_ACTION),
        ("hello;", ParserAction.UNKNOWN_TOPIC),
        ("X|E|NO|a;", ParserAction.UNKNOWN_TOPIC),
        ("e|S|a;", ParserAction.UNKNOWN_TOPIC),
        ("|;", ParserAction.UNKNOWN_TOPIC),
    ],
)
def test_a_line_that_is_no_message_is_the_error_that_answers_it(line: str, action: ParserAction) -> None:
    assert read(line) == Message(Topic.PARSER, action, is_error=True, data=line.removesuffix(";"))


def test_the_good_lines_around_a_bad_one_are_read() -> None:
    first, error, last = CODEC.decode(wire("E|S|a;nonsense;E|S|b;"))
    assert (first.name, error.is_error, last.name) == ("a", True, "b")


@pytest.mark.parametrize("typed", ["", "Q", "Tx", "O{", "O", "N", "N1x", "Nnan", "N1e999", "Ux", "{}"])
def test_a_value_that_is_none_is_repeated_in_the_error(typed: str) -> None:
    assert read(f"E|EVT|a|{typed};") == event(
        EventAction.INVALID_MESSAGE_DATA,
        name="a",
        data=typed,
        is_error=True,
        original_action=EventAction.EMIT,
    )


def test_a_call_with_a_value_that_is_none_fails_for_its_requestor() -> None:
    error = read("P|REQ|add|7|O{;")
    assert (error.action, error.name, error.correlation_id) == (RpcAction.INVALID_MESSAGE_DATA, "add", "7")


@pytest.mark.parametrize("text", ["nonsense", "5", '"text"', "null", "", "{", '{"a":}'])
def test_a_record_that_is_neither_object_nor_array_is_refused(text: str) -> None:
    error = read(f"R|U|a|1|{text};")
    assert (error.action, error.data, error.is_error) == (RecordAction.INVALID_MESSAGE_DATA, text, True)


@pytest.mark.parametrize("config", ["nonsense", "5", "[]", ""])
def test_a_configuration_that_is_no_object_is_refused(config: str) -> None:
    error = read(f"R|U|a|1|{{}}|{config};")
    assert (error.action, error.data) == (RecordAction.INVALID_MESSAGE_DATA, config)


def test_the_error_to_a_write_that_is_to_be_acknowledged_tells_which_it_was() -> None:
    error = read('R|P|a|4|b|O{|{"writeSuccess":true};')
    assert (error.is_error, error.is_write_ack, error.correlation_id) == (True, True, "4")


@pytest.mark.parametrize("version", ["", "x", "1.5", "1e3", " 1", "1_0", "٣", "--1", "9" * 16, "9" * 500_000])
def test_a_version_that_is_no_number_or_a_huge_one_is_refused(version: str) -> None:
    error = read(f"R|U|a|{version}|{{}};")
    assert (error.action, error.name, error.version) == (RecordAction.INVALID_VERSION, "a", None)
    assert len(error.data or "") <= 1000


@pytest.mark.parametrize("text", ["{}", '["a",1]', "nonsense", "5", '"a"'])
def test_users_that_are_no_list_of_names_are_refused(text: str) -> None:
    error = read(f"U|S|1|{text};")
    assert (error.action, error.is_error) == (PresenceAction.INVALID_PRESENCE_USERS, True)


def test_a_separator_in_a_value_never_makes_another_message_of_it() -> None:
    for message in CODEC.decode("E\x1fEVT\x1fa\x1fSleft\x1fright\x1e"):
        assert message.is_error
    value, rest = CODEC.decode("E\x1fEVT\x1fa\x1fSleft\x1eright\x1e")
    assert (value.name, rest.is_error) == ("a", True)


def test_a_frame_of_errors_is_refused_as_a_whole() -> None:
    assert len(CODEC.decode(wire("?;" * MAX_ERRORS))) == MAX_ERRORS
    with pytest.raises(ProtocolError, match=str(MAX_ERRORS + 1)):
        CODEC.decode(wire("?;" * (MAX_ERRORS + 1)))
