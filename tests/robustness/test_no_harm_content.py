"""Valid frames with harmful content: bombs, huge indices, evil patterns, endless lists of names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import orjson
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import (
    AuthAction,
    ConnectionAction,
    EventAction,
    RecordAction,
    RpcAction,
    Topic,
)
from tests.raw_client import CODECS
from tests.robustness.client import Client, frame
from tests.robustness.conftest import Report, StartServer
from tests.robustness.unharmed import Scene, unharmed
from tests.robustness.vitals import MIB
from tests.servers import Server

pytestmark = pytest.mark.xdist_group("robustness")

TIMES = 50
NAMES = 20_000
PATTERNS = 1000
LARGEST_RECORD = 16 * MIB


def nested(depth: int, inner: str = "1") -> str:
    """JSON text of arrays within one another."""
    return "[" * depth + inner + "]" * depth


def update(name: str, text: str) -> Message:
    """An upsert of a whole record."""
    return Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name=name, version=-1, data=text)


def patch(name: str, path: str, text: str = "1") -> Message:
    """An upsert of one path."""
    message = Message(Topic.RECORD, RecordAction.CREATEANDPATCH, name=name, version=-1, path=path)
    message.data = text
    return message


def multi(name: str, entries: list[tuple[str, object]]) -> Message:
    """An ordered batch of patches to a record that exists."""
    text = orjson.dumps([{"path": path, "data": data} for path, data in entries]).decode()
    return Message(Topic.RECORD, RecordAction.PATCH_MULTI, name=name, version=-1, data=text)


@pytest.fixture
def doomed(start_server: StartServer) -> Iterator[Server]:
    """A server of its own for a test that may leave it ill."""
    server = start_server()
    yield server
    if server.is_running():
        server.kill()


BOMBS = {
    "nested deeper than any parser goes": update("bomb/deep", nested(100_000)),
    "nested as deep as a parser goes": update("bomb/limit", nested(1000)),
    "nested deeper than a writer goes": update("bomb/writer", nested(300)),
    "nested without an end": update("bomb/open", "[" * 500_000),
    "a number of a million digits": update("bomb/number", "[" + "9" * 1_000_000 + "]"),
    "a number above all numbers": update("bomb/infinity", "[1e999999]"),
    "not a number": update("bomb/nan", "[NaN]"),
    "half a surrogate pair": update("bomb/surrogate", r'["\ud800"]'),
    "no JSON": update("bomb/text", "{not json"),
    "a deep patch": patch("bomb/path", "a." * 300 + "b", nested(10)),
    "a deep value for a deep path": patch("bomb/both", "a." * 150 + "b", nested(150)),
    "a path of a million steps": patch("bomb/steps", "a." * 400_000),
    "a path of a million brackets": patch("bomb/brackets", "a" + "[0]" * 300_000),
    "an index of a billion": patch("bomb/index", "a[999999999]"),
    "an index of 64 bits": patch("bomb/index64", "a[18446744073709551615]"),
    "an index that is none": patch("bomb/none", "a[1e308]"),
    "a way to the prototype": patch("bomb/proto", "__proto__.polluted"),
    "a name with a NUL": update("bomb/\0", "{}"),
    "a name that is too long": update("bomb/" + "n" * 100_000, "{}"),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
async def test_a_write_that_no_record_can_hold_is_refused_and_its_author_may_go_on(
    server: Server, report: Report, bomb: Message
) -> None:
    async with unharmed(server, report, p99=0.5) as scene:
        client = await scene.login()
        for _ in range(3):
            answer = await client.write(Message(**bomb.fields()))
            assert answer.is_error
            assert answer.is_write_ack
            assert answer.action in (RecordAction.INVALID_MESSAGE_DATA, RecordAction.RECORD_CREATE_ERROR)
        good = await client.write(update("bomb/good", "{}"))
        assert good.action == RecordAction.WRITE_ACKNOWLEDGEMENT
    assert (
        server.sql("SELECT name FROM records_record WHERE name LIKE 'bomb/%' AND name <> 'bomb/good'") == []
    )


async def answered(client: Client, message: Message) -> int:
    """Write, and tell which action the server answers with."""
    return (await client.write(message)).action


async def test_a_record_made_deep_step_by_step_never_becomes_unwritable_and_hinders_no_other(
    server: Server, report: Report
) -> None:
    async with unharmed(server, report) as scene:
        client, other = await scene.login_many(2)
        await client.write(update("deep", "{}"))
        path = "a"
        for _ in range(20):
            bomb = client.write(patch("deep", path, nested(20, "{}")))
            good = other.write(update("deep/neighbour", "{}"))
            assert (await good).action == RecordAction.WRITE_ACKNOWLEDGEMENT
            await bomb
            path += "[0]" * 20 + ".a"
        assert await answered(client, update("deep", '{"whole":1}')) == RecordAction.WRITE_ACKNOWLEDGEMENT
    assert server.sql("SELECT data FROM records_record WHERE name = 'deep'") == [('{"whole":1}',)]


async def test_gaps_filled_with_nulls_in_one_batch_cost_bounded_memory(
    doomed: Server, report: Report
) -> None:
    entries: list[tuple[str, object]] = [(f"k{number}[99999]", 1) for number in range(20_000)]
    async with unharmed(doomed, report, growth=256 * MIB) as scene:
        client = await scene.login()
        await client.write(update("nulls/batch", "{}"))
        report("answer", (await client.write(multi("nulls/batch", entries))).action)
        await client.ping()


async def test_gaps_filled_with_nulls_write_by_write_cost_bounded_memory(
    doomed: Server, report: Report
) -> None:
    # The others' writes share a commit with a record that is as large as one can be.
    async with unharmed(doomed, report, growth=256 * MIB, p99=0.5) as scene:
        client = await scene.login()
        for number in range(500):
            client.send(patch("nulls/writes", f"k{number}[99999]"))
        async with asyncio.timeout(20):
            report("answer", (await client.write(patch("nulls/writes", "last"))).action)


async def test_a_record_that_grows_and_grows_is_held_in_bounds(server: Server, report: Report) -> None:
    megabyte = orjson.dumps("x" * (MIB - 1000)).decode()
    async with unharmed(server, report, growth=16 * LARGEST_RECORD, p99=0.5) as scene:
        client = await scene.login()
        answers = [await answered(client, patch("growing", f"k{number}", megabyte)) for number in range(40)]
        report("accepted", answers.count(RecordAction.WRITE_ACKNOWLEDGEMENT))
        assert set(answers[-5:]) == {RecordAction.INVALID_MESSAGE_DATA}


async def listen(scene: Scene, pattern: str, topic: Topic) -> int:
    """Listen to a pattern; what the server answers."""
    client = await scene.login()
    action = EventAction.LISTEN if topic == Topic.EVENT else RecordAction.LISTEN
    answer = client.next(lambda message: message.topic == topic and message.name == pattern)
    client.send(Message(topic, action, name=pattern))
    return (await answer).action


EVIL = {
    "nested repetition": "(a+)+$",
    "alternatives that overlap": "^(a|a)*$",
    "much of everything": ".*" * 500 + "$",
    "a repetition of repetitions": "((a{0,100}){0,100}){0,100}$",
    "look-ahead": "(?=(a+))a*b",
    "a back reference": r"(a+)\1+$",
    "a class without an end": "[a",
    "very long": "a|" * 500_000,
    "empty": "",
}


@pytest.mark.parametrize("topic", [Topic.EVENT, Topic.RECORD], ids=["events", "records"])
@pytest.mark.parametrize("pattern", EVIL.values(), ids=EVIL)
async def test_evil_listen_patterns_take_no_time(
    server: Server, report: Report, pattern: str, topic: Topic
) -> None:
    async with unharmed(server, report) as scene:
        subscriber = await scene.login()
        names = [f"{'a' * 1000}!{number}" for number in range(100)]
        subscribe = EventAction.SUBSCRIBE if topic == Topic.EVENT else RecordAction.SUBSCRIBE
        await subscriber.ask(Message(topic, subscribe, names=names))
        report("answer", await listen(scene, pattern, topic))
        await subscriber.ask(Message(topic, subscribe, names=[f"{name}?" for name in names]))


async def test_a_thousand_patterns_of_one_client_disturb_nobody(server: Server, report: Report) -> None:
    async with unharmed(server, report) as scene:
        client, subscriber = await scene.login_many(2)
        for number in range(PATTERNS):
            client.send(Message(Topic.EVENT, EventAction.LISTEN, name=f"^(a|b)*c{{0,50}}{number}$"))
        await client.ping()
        await subscriber.ask(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["a" * 500]))
        await subscriber.ping()


@pytest.mark.parametrize("text", ["{not json", "", "[" * 100_000, nested(2000), '"\\ud800"', "NaN"])
@pytest.mark.parametrize("wire", ["binary", "json"])
async def test_events_whose_data_is_no_json_are_refused_and_reach_nobody(
    server: Server, report: Report, text: str, wire: str
) -> None:
    async with unharmed(server, report) as scene:
        publisher = await scene.login(wire)
        subscribers = [await scene.login("binary"), await scene.login("json")]
        heard: list[str | None] = []
        for subscriber in subscribers:
            await subscriber.ask(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["broken"]))
            subscriber.on_message = lambda message: heard.append(message.data)
        refused = publisher.next(lambda message: message.topic == Topic.EVENT)
        publisher.send(Message(Topic.EVENT, EventAction.EMIT, name="broken", data=text))
        publisher.send(Message(Topic.EVENT, EventAction.EMIT, name="broken", data="1"))
        assert (await refused).action == EventAction.INVALID_MESSAGE_DATA
        await publisher.ping()
        await asyncio.gather(*(subscriber.ping() for subscriber in subscribers))
        assert [data for data in heard if data is not None] == ["1", "1"]


@pytest.mark.parametrize("text", ["{not json", "[]", "null", "1", nested(2000), '{"a":' * 100_000])
async def test_login_data_that_is_no_object_ends_the_connection(
    server: Server, report: Report, text: str
) -> None:
    async with unharmed(server, report) as scene:
        client = await scene.open()
        refused = client.next(lambda message: message.topic == Topic.AUTH)
        client.send(Message(Topic.CONNECTION, ConnectionAction.CHALLENGE, url="ws://test"))
        client.send(Message(Topic.AUTH, AuthAction.REQUEST, data=text))
        assert (await refused).action == AuthAction.INVALID_MESSAGE_DATA
        assert await client.closed == 1008


BULKS = {
    "event subscriptions": (Topic.EVENT, EventAction.SUBSCRIBE),
    "record subscriptions": (Topic.RECORD, RecordAction.SUBSCRIBE),
    "records read": (Topic.RECORD, RecordAction.SUBSCRIBEANDREAD),
    "records created": (Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD),
    "heads": (Topic.RECORD, RecordAction.SUBSCRIBEANDHEAD),
    "procedures provided": (Topic.RPC, RpcAction.PROVIDE),
}


@pytest.mark.parametrize(("topic", "action"), BULKS.values(), ids=BULKS)
async def test_a_bulk_of_twenty_thousand_names_delays_nobody_for_long(
    server: Server, report: Report, topic: Topic, action: int
) -> None:
    names = [f"bulk/{action}/{number}" for number in range(NAMES)]
    async with unharmed(server, report, growth=128 * MIB, p99=1.0) as scene:
        client = await scene.login()
        await client.ask(Message(topic, action, names=names))
        await client.ping()


@pytest.mark.parametrize(("topic", "action"), BULKS.values(), ids=BULKS)
async def test_a_bulk_of_one_name_many_times_counts_once(
    server: Server, report: Report, topic: Topic, action: int
) -> None:
    async with unharmed(server, report, growth=128 * MIB, p99=1.0) as scene:
        client = await scene.login()
        await client.ask(Message(topic, action, names=[f"same/{action}"] * NAMES))
        await client.ping()


async def test_requests_nobody_answers_are_forgotten(server: Server, report: Report) -> None:
    async with unharmed(server, report) as scene:
        provider, requestor = await scene.login_many(2)
        await provider.ask(Message(Topic.RPC, RpcAction.PROVIDE, names=["silence"]))
        requests = [
            requestor.ask(Message(Topic.RPC, RpcAction.REQUEST, name="silence", data="1"))
            for _ in range(1000)
        ]
        answers = {answer.action for answer in await asyncio.gather(*requests)}
        assert answers == {RpcAction.ACCEPT_TIMEOUT}


async def test_a_hundred_thousand_messages_without_a_meaning_disturb_nobody(
    server: Server, report: Report
) -> None:
    async with unharmed(server, report, p99=1.0) as scene:
        for client in await scene.login_many(10):
            client.send_raw(frame(CODECS["binary"].encode(Message(Topic.RECORD, 99))) * 10_000)
            await client.ping()
