"""Plays a script against a server: every step in order, every message that comes compared whole."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack

from deepstream_protocol.message import FIELDS, Message
from deepstream_protocol.topics import ACTIONS, PresenceAction, Topic
from tests.raw_client import DEADLINE, RawClient, SocketClosed
from tests.reference.script import (
    Actor,
    Dies,
    Enters,
    Gets,
    IsClosed,
    IsQuiet,
    Leaves,
    Opens,
    Script,
    Sends,
    SendsRaw,
    Step,
)


class Unlike(AssertionError):
    """The server did something else than the script says; the text shows the whole exchange."""


class Play:
    """One performance of a script; ``transcript`` is what was said so far."""

    def __init__(self, url: str, script: Script) -> None:
        self._url = url
        self._script = script
        self._clients: dict[Actor, RawClient] = {}
        self._logged_in: set[Actor] = set()
        self._stack = AsyncExitStack()
        self.transcript: list[str] = []

    async def perform(self) -> None:
        """Take all steps; raises Unlike at the first that does not come out as it should."""
        async with self._stack:
            try:
                await self._wait_until_nobody_is_there()
                for actor in _logged_in_from_the_start(self._script):
                    await self._enter(actor, {})
                for step in self._script.steps:
                    self.transcript.append(show(step))
                    await self._take(step)
                await self._be_quiet()
            except AssertionError as error:
                raise Unlike("\n".join([self._script.title, *self.transcript, f"!! {error}"])) from None

    async def _take(self, step: Step) -> None:
        match step:
            case Opens(actor):
                await self._open(actor)
            case Enters(actor, auth_data):
                await self._enter(actor, auth_data)
            case Sends(actor, message):
                await self._clients[actor].send(message)
            case SendsRaw(actor, frame):
                await self._clients[actor].send_bytes(frame)
            case Gets(actor, message):
                self._compare(message, await self._clients[actor].receive())
            case IsQuiet(actor):
                await self._clients[actor].quiet()
            case IsClosed(actor, code):
                self._check_code(actor, code, await self._clients[actor].closed())
            case Leaves(actor):
                await self._clients[actor].close()
                self._forget(actor)
            case Dies(actor):
                await self._see_everything_end(actor)

    async def _open(self, actor: Actor) -> RawClient:
        assert actor not in self._clients, f"{actor.label} is there already"
        connecting = RawClient.connect(self._url, actor.wire)
        self._clients[actor] = await self._stack.enter_async_context(connecting)
        return self._clients[actor]

    async def _enter(self, actor: Actor, auth_data: dict[str, str]) -> None:
        client = await self._open(actor)
        await client.login(auth_data)
        self._logged_in.add(actor)

    def _compare(self, expected: Message, received: Message) -> None:
        assert received == expected, f"received instead: {describe(received)}"

    def _check_code(self, actor: Actor, expected: int, code: int | None) -> None:
        assert code == expected, f"closed with {code}"
        self._forget(actor)

    def _forget(self, actor: Actor) -> None:
        del self._clients[actor]
        self._logged_in.discard(actor)

    async def _see_everything_end(self, actor: Actor) -> None:
        code = await self._clients[actor].closed()
        assert code == 1006, f"closed with {code}, so the server lives"
        self._clients.clear()
        self._logged_in.clear()

    async def _be_quiet(self) -> None:
        """Nobody gets anything else; twice, as one client's last message may concern another."""
        for actor in [*self._logged_in_in_order(), *self._logged_in_in_order()]:
            try:
                await self._clients[actor].quiet()
            except (AssertionError, SocketClosed) as error:
                raise AssertionError(f"at the end {actor.label} {error}") from None

    def _logged_in_in_order(self) -> list[Actor]:
        return [actor for actor in self._script.actors if actor in self._logged_in]

    async def _wait_until_nobody_is_there(self) -> None:
        """Until the named users of the script before this one are gone; asked again and again, in time."""
        if self._script.setting != "open":
            return
        async with RawClient.connect(self._url) as watcher:
            await watcher.login()
            for _ in range(round(DEADLINE * 1000)):
                await watcher.send(Message(Topic.PRESENCE, PresenceAction.QUERY_ALL))
                online = await watcher.receive()
                if not online.names:
                    return
        raise AssertionError(f"still there from before: {online.names}")


def _logged_in_from_the_start(script: Script) -> Iterable[Actor]:
    elsewhere = {step.actor for step in script.steps if isinstance(step, Opens | Enters)}
    return [actor for actor in script.actors if actor not in elsewhere]


def describe(message: Message) -> str:
    """A message in words: ``EVENT EMIT name='x' data='1'``, in a fixed order of fields."""
    fields = message.fields()
    topic = Topic(fields.pop("topic"))
    action = ACTIONS[topic](fields.pop("action"))
    shown = [f"{key}={fields[key]!r}" for key in FIELDS if key in fields]
    return " ".join([topic.name, action.name, *shown])


def show(step: Step) -> str:
    """A step in words."""
    label = step.actor.label
    match step:
        case Sends(_, message):
            return f"{label} -> {describe(message)}"
        case SendsRaw(_, frame):
            return f"{label} -> {frame!r}"
        case Gets(_, message):
            return f"{label} <- {describe(message)}"
        case IsClosed(_, code):
            return f"{label} is closed with {code}"
        case _:
            return f"{label} {type(step).__name__}"
