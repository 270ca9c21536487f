"""A client without a socket (gateway.caller), against a door that answers as a test says and a real node."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from accounts.login import Login, OpenLogin
from deepstream_project.config import Config
from deepstream_protocol.message import Message
from deepstream_protocol.topics import (
    EventAction,
    ParserAction,
    PresenceAction,
    RecordAction,
    RpcAction,
    Topic,
)
from gateway.caller import Caller
from gateway.node import Node
from permissions.verdict import AllowEverything
from pubsub.cluster import SingleNode
from pubsub.connection import Close, Connection, Flusher
from pubsub.user import User
from tests.pubsub.kit import Client
from tests.records.kit import StoreDouble

READ = (RecordAction.READ_RESPONSE,)
ANN = User("ann")

Answer = Callable[[Connection, Message], Awaitable[Any] | None]


class Desk:
    """A door behind which ``answer`` does what a test wants; keeps who came and what they sent."""

    def __init__(self, answer: Answer = lambda connection, message: None) -> None:
        self.flusher = Flusher(asyncio.get_running_loop().call_soon)
        self.answer = answer
        self.seen: list[tuple[Connection, Message]] = []

    def dispatch(self, connection: Connection, message: Message) -> Awaitable[Any] | None:
        self.seen.append((connection, message))
        return self.answer(connection, message)


def caller_at(door: Any, user: User = ANN) -> Caller:
    return Caller(door, user, address="10.0.0.1:5", headers={"x-tenant": "a"})


def read(name: str) -> Message:
    return Message(Topic.RECORD, RecordAction.READ, name=name)


def read_response(name: str, version: int) -> Message:
    return Message(Topic.RECORD, RecordAction.READ_RESPONSE, name=name, version=version)


async def test_handlers_see_a_connection_of_the_user_with_address_and_headers() -> None:
    desk = Desk()
    await caller_at(desk).ask(read("r"), READ)
    ((connection, message),) = desk.seen
    assert (connection.user, connection.address, connection.headers) == (ANN, "10.0.0.1:5", {"x-tenant": "a"})
    assert message.correlation_id
    assert not connection.closed


async def test_no_two_messages_have_the_same_correlation_id() -> None:
    desk = Desk()
    callers = [caller_at(desk) for _ in range(10)]
    for caller in callers * 10:
        await caller.ask(read("r"), READ)
    assert len({message.correlation_id for _, message in desk.seen}) == 100


async def test_an_answer_is_known_by_its_correlation_id() -> None:
    desk = Desk()
    caller = caller_at(desk)
    futures = [
        await caller.ask(Message(Topic.RPC, RpcAction.REQUEST, name="f"), (RpcAction.RESPONSE,)) for _ in "ab"
    ]
    for connection, message in reversed(desk.seen):
        response = Message(Topic.RPC, RpcAction.RESPONSE, name="f", data=f'"{message.correlation_id}"')
        response.correlation_id = message.correlation_id
        connection.send(response)
    answers = [await future for future in futures]
    assert [answer and answer.value() for answer in answers] == [m.correlation_id for _, m in desk.seen]


async def test_an_answer_without_one_is_known_by_action_and_name_and_goes_to_who_asked_first() -> None:
    desk = Desk()
    caller = caller_at(desk)
    first, other, second = [await caller.ask(read(name), READ) for name in ("a", "b", "a")]
    connection = desk.seen[0][0]
    for name, version in (("a", 1), ("b", 2), ("a", 3)):
        connection.send(read_response(name, version))
    assert [(await one).version for one in (first, other, second)] == [1, 2, 3]  # type: ignore[union-attr]


async def test_what_answers_nothing_is_ignored() -> None:
    desk = Desk()
    caller = caller_at(desk)
    future = await caller.ask(read("a"), READ)
    connection = desk.seen[0][0]
    connection.send(read_response("b", 1))
    connection.send(Message(Topic.EVENT, RecordAction.READ_RESPONSE, name="a"))
    connection.send(Message(Topic.RECORD, RecordAction.READ_RESPONSE, name="a", correlation_id="other"))
    connection.send(Message(Topic.RECORD, RecordAction.UPDATE, name="a", version=1))
    connection.send(read_response("a", 7))
    answer = await future
    assert answer is not None
    assert answer.version == 7


async def test_an_error_about_the_message_is_an_answer() -> None:
    def refuse(connection: Connection, message: Message) -> None:
        reply = Message(Topic.RECORD, RecordAction.RECORD_NOT_FOUND, name=message.name)
        reply.correlation_id, reply.original_action = message.correlation_id, message.action
        connection.send(reply)

    answer = await (await caller_at(Desk(refuse)).ask(read("a"), READ))
    assert answer is not None
    assert answer.action == RecordAction.RECORD_NOT_FOUND


async def test_that_nobody_handles_the_topic_is_an_answer() -> None:
    def unknown(connection: Connection, message: Message) -> None:
        reply = Message(Topic.PARSER, ParserAction.UNKNOWN_TOPIC)
        reply.original_topic, reply.original_action = message.topic, message.action
        connection.send(reply)

    caller = caller_at(Desk(unknown))
    for message, answers in ((read("a"), READ), (Message(Topic.EVENT, EventAction.EMIT, name="e"), ())):
        answer = await (await caller.ask(message, answers))
        assert answer is not None
        assert answer.topic == Topic.PARSER


async def test_a_message_without_an_answer_is_done_once_it_is_handled() -> None:
    released = asyncio.Event()
    caller = caller_at(Desk(lambda connection, message: released.wait()))
    asking = asyncio.create_task(caller.ask(Message(Topic.EVENT, EventAction.EMIT, name="e"), ()))
    await asyncio.sleep(0)
    assert not asking.done()
    released.set()
    assert await (await asking) is None


async def test_a_fault_of_a_handler_is_raised_and_the_next_message_is_not_confused() -> None:
    def fail(connection: Connection, message: Message) -> None:
        raise ZeroDivisionError

    desk = Desk(fail)
    caller = caller_at(desk)
    with pytest.raises(ZeroDivisionError):
        await caller.ask(read("a"), READ)
    desk.answer = lambda connection, message: connection.send(read_response("a", 2))
    answer = await (await caller.ask(read("a"), READ))
    assert answer is not None
    assert answer.version == 2


async def test_an_answer_to_who_waits_no_longer_is_dropped() -> None:
    desk = Desk()
    future = await caller_at(desk).ask(read("a"), READ)
    future.cancel()
    connection = desk.seen[0][0]
    connection.send(read_response("a", 1))
    connection.send(read_response("a", 1))
    desk.flusher.flush()
    assert connection.outbox == []


async def test_closing_and_pausing_have_no_effect() -> None:
    desk = Desk()
    caller = caller_at(desk)
    await caller.ask(read("a"), READ)
    connection = desk.seen[0][0]
    connection.pause_reading()
    connection.resume_reading()
    connection.close(Close.POLICY)
    assert connection.closed


# On a node


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    made = Node(
        Config(),
        store=StoreDouble({"r": (3, '{"a":1}')}),
        cluster=SingleNode(),
        permissions=lambda records: AllowEverything(),
        login=Login([OpenLogin()]),  # type: ignore[arg-type]
    )
    yield made
    await made.stop()


async def ask(node: Node, message: Message, *answers: int) -> Message:
    answer = await (await caller_at(node).ask(message, answers))
    assert answer is not None
    return answer


async def test_a_node_takes_a_caller_for_any_other_client(node: Node) -> None:
    found = await ask(node, read("r"), *READ)
    assert (found.version, found.value()) == (3, {"a": 1})
    write = Message(
        Topic.RECORD, RecordAction.CREATEANDUPDATE, name="r", version=4, data="{}", is_write_ack=True
    )
    assert (await ask(node, write, RecordAction.WRITE_ACKNOWLEDGEMENT)).name == "r"


async def test_a_caller_is_not_online(node: Node) -> None:
    query = Message(Topic.PRESENCE, PresenceAction.QUERY, names=["ann"])
    assert (await ask(node, query, PresenceAction.QUERY_RESPONSE)).value() == {"ann": False}
    assert node.presence.online() == []


def connections() -> int:
    """How many there are in this process."""
    gc.collect()
    return sum(isinstance(one, Connection) for one in gc.get_objects())


async def test_callers_leave_nothing_behind(node: Node) -> None:
    provider = Client("bob", flusher=Flusher(asyncio.get_running_loop().call_soon))
    node.dispatch(provider.connection, Message(Topic.RPC, RpcAction.PROVIDE, names=["f"]))
    assert (await provider.next()).is_ack
    before = connections()

    async def everything(number: int) -> None:
        caller = caller_at(node)
        name = f"x{number % 7}"
        write = Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name=name, version=-1, is_write_ack=True)
        write.data = "{}"
        asked = [
            await caller.ask(Message(Topic.EVENT, EventAction.EMIT, name="e", data="1"), ()),
            await caller.ask(write, (RecordAction.WRITE_ACKNOWLEDGEMENT,)),
            await caller.ask(read(name), READ),
            await caller.ask(
                Message(Topic.RECORD, RecordAction.DELETE, name=name), (RecordAction.DELETE_SUCCESS,)
            ),
            await caller.ask(
                Message(Topic.RECORD, RecordAction.NOTIFY, names=[name]), (RecordAction.NOTIFY,)
            ),
            await caller.ask(
                Message(Topic.PRESENCE, PresenceAction.QUERY_ALL), (PresenceAction.QUERY_ALL_RESPONSE,)
            ),
            await caller.ask(Message(Topic.RPC, RpcAction.REQUEST, name="f"), (RpcAction.RESPONSE,)),
        ]
        await asyncio.gather(*asked)

    async def serve() -> None:
        for _ in range(200):
            request = await provider.next()
            response = Message(Topic.RPC, RpcAction.RESPONSE, name="f", correlation_id=request.correlation_id)
            node.dispatch(provider.connection, response)

    serving = asyncio.create_task(serve())
    await asyncio.gather(*map(everything, range(200)))
    await serving
    await asyncio.sleep(0)
    assert connections() == before
    assert node.rpc.calls_in_flight() == 0
    assert list(node.events.subscriptions.names()) == list(node.records.subscriptions.names()) == []
    assert list(node.sessions()) == []
