"""The hottest paths: for each, a turn that can be repeated, and how many operations it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from benchmarks.codec import MESSAGES
from benchmarks.load import body
from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, RpcAction, Topic
from gateway.codecs import FramedCodec
from tests.guards.stack import CHALLENGE, LOGIN, Client, Stack

SUBSCRIBERS = 100
WRITERS = 50
SLOW = 5
BURST = 64


@dataclass(frozen=True, slots=True)
class HotPath:
    """``turn`` does ``operations`` operations; ``prepare`` makes a turn on a fresh server."""

    name: str
    operations: int
    prepare: Callable[[Stack], Awaitable[Callable[[], Awaitable[None]]]]


async def event(stack: Stack) -> Callable[[], Awaitable[None]]:
    """An event comes in and goes out to 100 subscribers."""
    readers = await _subscribers(stack, SUBSCRIBERS)
    return _emitting(await stack.client(), readers)


async def burst(stack: Stack) -> Callable[[], Awaitable[None]]:
    """Many events come in one read and go out to 100 subscribers."""
    readers = await _subscribers(stack, SUBSCRIBERS)
    return _emitting(await stack.client(), readers, count=BURST)


async def event_beside_slow_readers(stack: Stack) -> Callable[[], Awaitable[None]]:
    """The same with 5 of the 100 not reading."""
    slow = await _subscribers(stack, SLOW)
    readers = await _subscribers(stack, SUBSCRIBERS - SLOW)
    for client in slow:
        client.pause()
    return _emitting(await stack.client(), readers)


def _emitting(publisher: Client, readers: list[Client], count: int = 1) -> Callable[[], Awaitable[None]]:
    message = Message(Topic.EVENT, EventAction.EMIT, name="guard/event", data=body("event"))

    async def turn() -> None:
        publisher.send(*[message] * count)
        for reader in readers:
            await reader.receive(count)

    return turn


async def _subscribers(stack: Stack, count: int) -> list[Client]:
    clients = await stack.clients(count)
    for client in clients:
        await client.ask(_subscription("guard/event"))
    return clients


def _subscription(*names: str) -> Message:
    return Message(Topic.EVENT, EventAction.SUBSCRIBE, names=list(names), correlation_id="1")


async def record(stack: Stack) -> Callable[[], Awaitable[None]]:
    """A patch comes in, is stored, and goes out to 100 subscribers."""
    return await _patching(stack, "guard/record")


async def record_burst(stack: Stack) -> Callable[[], Awaitable[None]]:
    """Many patches of a record come in one read, are stored together, and go out to 100 subscribers."""
    return await _patching(stack, "guard/record-of-bursts", BURST)


async def _patching(stack: Stack, name: str, count: int = 1) -> Callable[[], Awaitable[None]]:
    readers = await stack.clients(SUBSCRIBERS)
    for reader in readers:
        await reader.ask(_opening(name), answers=2)
    writer, version = await stack.client(), 0

    async def turn() -> None:
        nonlocal version
        with stack.aside:
            patches = [_patch(name, version + number) for number in range(1, count + 1)]
        version += count
        writer.send(*patches)
        for reader in readers:
            await reader.receive(count)

    return turn


async def write(stack: Stack) -> Callable[[], Awaitable[None]]:
    """50 writers patch a record of their own each, and are answered when all 50 are stored."""
    writers = await stack.clients(WRITERS)
    for number, writer in enumerate(writers):
        await writer.ask(_opening(f"guard/record-{number}"), answers=2)
    version = 0

    async def turn() -> None:
        nonlocal version
        version += 1
        for number, writer in enumerate(writers):
            with stack.aside:
                patch = _patch(f"guard/record-{number}", version)
                patch.correlation_id, patch.is_write_ack = str(version), True
            writer.send(patch)
        for writer in writers:
            (answer,) = await writer.receive(1)
            assert answer.action == RecordAction.WRITE_ACKNOWLEDGEMENT, answer

    return turn


def _opening(name: str) -> Message:
    return Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=[name], correlation_id="1")


def _patch(name: str, version: int) -> Message:
    data = body(f"{version:06}")
    return Message(Topic.RECORD, RecordAction.PATCH, name=name, version=version, path="value", data=data)


async def call(stack: Stack) -> Callable[[], Awaitable[None]]:
    """A call goes to its provider, who accepts and responds."""
    provider, requestor = await stack.clients(2)
    await provider.ask(Message(Topic.RPC, RpcAction.PROVIDE, names=["guard/rpc"], correlation_id="1"))
    number = 100  # so that all correlation ids are as long

    async def turn() -> None:
        nonlocal number
        number += 1
        with stack.aside:
            request, accept, response = (
                Message(Topic.RPC, action, name="guard/rpc", correlation_id=str(number), **data)
                for action, data in (
                    (RpcAction.REQUEST, {"data": body("call")}),
                    (RpcAction.ACCEPT, {}),
                    (RpcAction.RESPONSE, {"data": body("answer")}),
                )
            )
        requestor.send(request)
        await provider.receive(1)
        provider.send(accept, response)
        await requestor.receive(2)

    return turn


async def login(stack: Stack) -> Callable[[], Awaitable[None]]:
    """A client connects, logs in, and subscribes to five events with one message."""
    subscription = _subscription(*(f"guard/event-{number}" for number in range(5)))

    async def turn() -> None:
        client = stack.connect()
        await client.open()
        await client.ask(CHALLENGE)
        await client.ask(LOGIN)
        await client.ask(subscription)

    return turn


async def decode(stack: Stack) -> Callable[[], Awaitable[None]]:
    """A message of each kind is decoded."""
    codec = FramedCodec(BinaryCodec())
    payloads = [BinaryCodec().encode(message) for message in MESSAGES]

    async def turn() -> None:
        for payload in payloads:
            codec.decode(payload)

    return turn


async def encode(stack: Stack) -> Callable[[], Awaitable[None]]:
    """A message of each kind is encoded into a frame."""
    codec = FramedCodec(BinaryCodec())

    async def turn() -> None:
        for message in MESSAGES:
            codec.frame(message)

    return turn


PATHS = (
    HotPath("event to 100 subscribers", 1, event),
    HotPath("event to 100 subscribers, 5 of them slow", 1, event_beside_slow_readers),
    HotPath("event of a burst, to 100 subscribers", BURST, burst),
    HotPath("record patch to 100 subscribers", 1, record),
    HotPath("record patch of a burst, to 100 subscribers", BURST, record_burst),
    HotPath("acknowledged write, of 50 at once", WRITERS, write),
    HotPath("remote procedure call", 1, call),
    HotPath("login with 5 subscriptions", 1, login),
    HotPath("decoding a message", len(MESSAGES), decode),
    HotPath("encoding a message", len(MESSAGES), encode),
)
