"""The text endpoint: the server speaks first, pings, and answers line by line (PROTOCOL.md section 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from tests.official_client.users import AUTH, USERS
from tests.old_client.text_client import TextClient
from tests.raw_client import RawClient
from tests.servers import Server, configuration

ANN = {"username": "ann", "password": "tiger"}
BOB = {"username": "bob", "password": "lion"}
WELCOME = 'A|A|O{"themes":["dark"],"größe":1}'


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return configuration(auth=AUTH, endpoint={"maxAuthAttempts": 2, "heartbeatInterval": 300})


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    return {"users.yml": USERS}


async def test_the_server_speaks_first_and_pings(server: Server) -> None:
    async with TextClient.connect(server.url) as client:
        await client.expect("C|A")
        await client.hear_ping()


async def test_an_answer_to_the_challenge_that_was_not_made_is_accepted(server: Server) -> None:
    async with TextClient.connect(server.url) as client:
        await client.expect("C|A")
        await client.ask("C|CHR|ws://somewhere/deepstream", "C|A")
        await client.ask('A|REQ|{"username":"bob","password":"lion"}', "A|A")
        await client.ask("C|CHR|ws://somewhere/deepstream", "C|A")


async def test_a_client_that_answers_pings_stays(server: Server) -> None:
    async with TextClient.login(server.url, **BOB) as client:
        while client.pings < 5:
            await client.hear_ping()
            client.pings += 1
            await client.say("C|PO;")
        await client.quiet()


async def test_a_client_that_does_not_is_closed(server: Server, policy: int) -> None:
    async with TextClient.login(server.url, **BOB) as client:
        client.answers_pings = False
        assert await client.closed() == policy
        assert client.pings >= 2


async def test_a_user_is_let_in_with_client_data(server: Server) -> None:
    async with TextClient.connect(server.url) as client:
        await client.expect("C|A")
        await client.ask('A|REQ|{"username":"ann","password":"tiger"}', WELCOME)


async def test_the_right_password_is_accepted_after_a_wrong_one(server: Server) -> None:
    async with TextClient.connect(server.url) as client:
        await client.expect("C|A")
        await client.ask('A|REQ|{"username":"ann","password":"lion"}', "A|E|INVALID_AUTH_DATA|U")
        await client.ask('A|REQ|{"username":"ann","password":"tiger"}', WELCOME)


async def test_the_last_refusal_ends_the_connection(server: Server, policy: int) -> None:
    async with TextClient.connect(server.url) as client:
        await client.expect("C|A")
        await client.ask('A|REQ|{"username":"ann","password":"lion"}', "A|E|INVALID_AUTH_DATA|U")
        await client.say('A|REQ|{"username":"ann","password":"bear"};')
        await client.expect("A|E|INVALID_AUTH_DATA|U", "A|E|TOO_MANY_AUTH_ATTEMPTS")
        assert await client.closed() == policy


@pytest.mark.parametrize("data", ["nonsense", "5", "[]", "null", ""])
async def test_login_data_that_is_no_object_ends_the_connection(
    server: Server, policy: int, data: str
) -> None:
    async with TextClient.connect(server.url) as client:
        await client.expect("C|A")
        await client.ask(f"A|REQ|{data}", "A|E|INVALID_AUTH_MSG|invalid authentication message")
        assert await client.closed() == policy


async def test_what_comes_behind_the_end_of_a_connection_in_the_same_frame_is_not_done(
    server: Server, policy: int
) -> None:
    async with TextClient.connect(server.url) as client:
        await client.expect("C|A")
        await client.say('A|REQ|5;A|REQ|{"username":"ann","password":"tiger"};')
        await client.expect("A|E|INVALID_AUTH_MSG|invalid authentication message")
        assert await client.closed() == policy


async def test_nothing_but_a_login_is_done_before_it(server: Server) -> None:
    async with TextClient.connect(server.url) as client, TextClient.login(server.url, **BOB) as other:
        await other.ask("E|S|early", "E|A|S|early")
        await client.expect("C|A")
        await client.say("E|EVT|early|T;R|CR|early;C|PO;C|PI;")
        await client.expect("A|E|INVALID_MESSAGE", "A|E|INVALID_MESSAGE", "C|PO")
        await client.ask('A|REQ|{"username":"bob","password":"lion"}', "A|A")
        await other.quiet()


async def test_the_messages_of_a_frame_are_done_in_order(server: Server) -> None:
    async with TextClient.login(server.url, **BOB) as client, TextClient.login(server.url, **BOB) as other:
        await other.ask("R|CR|order", "R|A|S|order", "R|R|order|0|{}")
        await client.say(
            'R|CR|order;R|U|order|1|{"a":1};R|P|order|2|b|Sx;R|P|order|3|a|U;R|SN|order;E|S|order;C|PI;'
        )
        await client.expect("R|A|S|order", "R|R|order|0|{}", 'R|R|order|3|{"b":"x"}', "E|A|S|order", "C|PO")
        await other.expect('R|U|order|1|{"a":1}', "R|P|order|2|b|Sx", "R|P|order|3|a|U")


async def test_one_line_that_is_no_message_is_answered_and_the_others_are_done(server: Server) -> None:
    async with TextClient.login(server.url, **BOB) as client:
        await client.say("E|S|one;nonsense;E|XX|one;E|S;E|S|two;")
        await client.expect(
            "E|A|S|one",
            "X|E|UNKNOWN_TOPIC|nonsense",
            "X|E|UNKNOWN_ACTION|E|XX|one",
            "X|E|MESSAGE_PARSE_ERROR|E|S",
            "E|A|S|two",
        )
        await client.quiet()


async def test_a_frame_full_of_them_ends_the_connection(server: Server, policy: int) -> None:
    async with TextClient.login(server.url, **BOB) as client:
        await client.say("nonsense;" * 1000)
        await client.expect("X|E|MESSAGE_PARSE_ERROR")
        assert await client.closed() == policy


async def test_a_binary_frame_ends_the_connection(server: Server, wrong_kind: int) -> None:
    async with TextClient.connect(server.url) as client:
        await client.expect("C|A")
        await client.say_raw(b"\x04\x10\x02\x1a\x00")
        assert await client.closed() == wrong_kind


async def test_whether_a_record_exists_is_answered_with_yes_or_no(server: Server) -> None:
    async with TextClient.login(server.url, **BOB) as client:
        await client.ask("R|H|yes", "R|H|yes|F")
        await client.say('R|CU|yes|-1|{}|{"writeSuccess":true};R|H|yes;R|HD|yes;R|H|no;')
        await client.expect("R|WA|yes|[-1]|L", "R|H|yes|T", "R|HD|yes|1|null", "R|H|no|F")
        await client.quiet()


async def test_a_snapshot_of_what_is_not_there_is_an_error_that_its_callback_hears_too(
    server: Server,
) -> None:
    async with TextClient.login(server.url, **BOB) as client:
        await client.ask("R|SN|nowhere", "R|E|RECORD_NOT_FOUND|nowhere", "R|E|SN|nowhere|RECORD_NOT_FOUND")


async def test_a_write_is_acknowledged_by_its_version_and_a_conflict_shows_what_is_there(
    server: Server,
) -> None:
    async with TextClient.login(server.url, **BOB) as client:
        await client.ask("R|CR|conflict", "R|A|S|conflict", "R|R|conflict|0|{}")
        await client.ask('R|U|conflict|1|{"a":1}|{"writeSuccess":true}', "R|WA|conflict|[1]|L")
        await client.ask('R|U|conflict|1|{"a":2}', 'R|E|VERSION_EXISTS|conflict|1|{"a":1}')
        await client.ask(
            'R|P|conflict|1|a|N2|{"writeSuccess":true}',
            'R|E|VERSION_EXISTS|conflict|1|{"a":1}|{"writeSuccess":true}',
        )
        await client.ask(
            'R|U|conflict|9|{}|{"writeSuccess":true}',
            "R|E|INVALID_VERSION|conflict|1",
            "R|WA|conflict|[9]|SINVALID_VERSION",
        )
        await client.ask("R|U|conflict|x|{}", "R|E|INVALID_VERSION|conflict|x")
        await client.ask("R|U|conflict|2|5", "R|E|INVALID_MESSAGE_DATA|5")


async def test_a_batch_of_changes_reaches_an_old_client_as_the_whole_record(server: Server) -> None:
    async with TextClient.login(server.url, **BOB) as client, RawClient.connect(server.url) as writer:
        await client.ask("R|CR|batch", "R|A|S|batch", "R|R|batch|0|{}")
        await writer.login(ANN)
        data = '[{"path":"a","data":1},{"path":"b.c","data":null}]'
        await writer.send(Message(Topic.RECORD, 35, name="batch", version=1, data=data))
        await client.expect('R|U|batch|1|{"a":1,"b":{"c":null}}')


async def test_names_with_separators_in_them_never_reach_an_old_client(server: Server) -> None:
    forged = "x\x1eE\x1fEVT\x1fsecret\x1fT\x1e"
    async with TextClient.login(server.url, **BOB) as client, RawClient.connect(server.url) as other:
        await client.ask("E|L|.*", "E|A|L|.*")
        await other.login(ANN)
        await other.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=[forged, "plain"]))
        await client.expect("E|SP|.*|plain")
        await client.say("E|LR|.*|plain;E|UL|.*;")
        await client.expect("E|A|UL|.*")
        await client.quiet()


async def test_a_text_with_separators_arrives_whole(server: Server) -> None:
    async with TextClient.login(server.url, **BOB) as client, RawClient.connect(server.url) as other:
        await client.ask("E|S|separators", "E|A|S|separators")
        await other.login(ANN)
        await other.send(
            Message(Topic.EVENT, EventAction.EMIT, name="separators", data='"a\\u001eb\\u001fc"')
        )
        await client.expect('E|EVT|separators|O"a\\u001eb\\u001fc"')
