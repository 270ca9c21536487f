"""The play itself: it must see what it is there to see. A small server answers as each test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import websockets
from websockets.asyncio.server import ServerConnection, serve

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, Topic
from deepstream_protocol.topics import EventAction as Event
from tests.raw_client import RawClient, Silence, SocketClosed
from tests.reference.differences import as_the_reference_plays_it
from tests.reference.play import Play, Unlike
from tests.reference.script import A, B, Gets, message, script

ACCEPTED = message(ConnectionAction.ACCEPT)
Answers = Callable[[Message], list[Message] | None]
"""What the server sends to a message; None closes the socket with 4000."""


@asynccontextmanager
async def server(answers: Answers) -> AsyncIterator[str]:
    """A server that knows how to log in and to pong, and otherwise does as ``answers`` says."""
    codec = BinaryCodec()

    def of(received: Message) -> list[Message] | None:
        match (received.topic, received.action):
            case (Topic.CONNECTION, ConnectionAction.CHALLENGE):
                return [ACCEPTED]
            case (Topic.CONNECTION, ConnectionAction.PING):
                return [message(ConnectionAction.PONG)]
            case (Topic.AUTH, _):
                return [message(AuthAction.AUTH_SUCCESSFUL)]
        return answers(received)

    async def handle(socket: ServerConnection) -> None:
        async for frame in socket:
            assert isinstance(frame, bytes)
            replies = of(codec.decode(frame)[0])
            if replies is None:
                await socket.close(4000, "enough")
                return
            for reply in replies:
                await socket.send(codec.encode(reply))

    async with serve(handle, "127.0.0.1", 0) as listening:
        yield f"ws://127.0.0.1:{next(iter(listening.sockets)).getsockname()[1]}"


def echo(received: Message) -> list[Message] | None:
    return [received]


def twice(received: Message) -> list[Message] | None:
    return [received, received]


EMITS = [A.sends(Event.EMIT, name="e", data="1"), A.gets(Event.EMIT, name="e", data="1")]


async def test_a_script_that_is_followed_passes() -> None:
    async with server(echo) as url:
        await Play(url, script("as it should be", EMITS, setting="elsewhere")).perform()


async def test_another_message_than_the_expected_one_fails_and_is_shown() -> None:
    async with server(lambda _: [message(Event.EMIT, name="e", data="2")]) as url:
        with pytest.raises(Unlike, match=r"received instead: EVENT EMIT name='e' data='2'"):
            await Play(url, script("other data", EMITS, setting="elsewhere")).perform()


async def test_a_field_that_should_be_absent_fails() -> None:
    async with server(lambda _: [message(Event.EMIT, name="e", data="1", is_error=False)]) as url:
        with pytest.raises(Unlike, match="is_error=False"):
            await Play(url, script("a field more", EMITS, setting="elsewhere")).perform()


async def test_a_message_too_many_fails_at_the_end() -> None:
    async with server(twice) as url:
        with pytest.raises(Unlike, match="at the end A expected nothing"):
            await Play(url, script("one more", EMITS, setting="elsewhere")).perform()


async def test_a_message_too_many_fails_where_quiet_is_expected() -> None:
    async with server(twice) as url:
        with pytest.raises(Unlike, match="expected nothing, but received"):
            await Play(url, script("one more", EMITS, A.is_quiet(), setting="elsewhere")).perform()


async def test_another_close_code_fails() -> None:
    closing = script("closed", A.sends(Event.EMIT, name="e"), A.is_closed(4000), setting="elsewhere")
    other = script("closed", A.sends(Event.EMIT, name="e"), A.is_closed(1008), setting="elsewhere")
    async with server(lambda _: None) as url:
        await Play(url, closing).perform()
        with pytest.raises(Unlike, match="closed with 4000"):
            await Play(url, other).perform()


async def test_a_close_in_the_place_of_a_message_fails() -> None:
    async with server(lambda _: None) as url:
        with pytest.raises(Unlike, match="closed with 4000 enough"):
            await Play(url, script("closed", EMITS, setting="elsewhere")).perform()


async def test_a_raw_client_tells_silence_from_a_closed_socket() -> None:
    async with server(lambda _: None) as url, RawClient.connect(url) as client:
        await client.login()
        with pytest.raises(Silence):
            await client.receive(timeout=0.01)
        assert client.close_code is None
        await client.send(message(Event.EMIT, name="e"))
        with pytest.raises(SocketClosed, match="4000"):
            await client.receive()
        assert f"{client.close_code} {client.close_reason}" == "4000 enough"


async def test_a_raw_client_expects_fields_and_their_absence() -> None:
    async with server(twice) as url, RawClient.connect(url) as client:
        await client.send(message(Event.EMIT, name="e"))
        await client.expect(topic=Topic.EVENT, action=Event.EMIT, name="e", data=None)
        with pytest.raises(AssertionError, match="expected"):
            await client.expect(name="other")


async def test_a_raw_client_keeps_the_path_of_a_url_that_has_one() -> None:
    async with server(echo) as url, RawClient.connect(f"{url}/elsewhere?x=1") as client:
        await client.login()
        await client.close()
        with pytest.raises(websockets.ConnectionClosed):
            await client.send(message(Event.EMIT, name="e"))


def test_a_difference_that_changes_nothing_leaves_a_script_as_it_is() -> None:
    followed = script("nothing special", A.sends(Event.EMIT, name="e"), B.gets(Event.EMIT, name="e"))
    assert as_the_reference_plays_it(followed) == followed


def test_where_the_reference_dies_its_script_ends() -> None:
    title = "event listening to the same pattern twice is remarked on"
    ours = script(title, A.gets(Event.MULTIPLE_SUBSCRIPTIONS, name="x"), A.gets(Event.LISTEN, name="x"))
    theirs = as_the_reference_plays_it(ours)
    assert theirs.steps == (A.sees_the_server_die(),)
    assert not any(isinstance(step, Gets) for step in theirs.steps)
