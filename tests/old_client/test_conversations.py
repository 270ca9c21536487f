"""The same conversations with this server and with the reference server, which is the measure."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.conftest import require
from tests.old_client.conversations import CONVERSATIONS
from tests.old_client.text_client import TextClient
from tests.servers import NODE_FOLDER, Server, configuration

STEP = re.compile(r"([AB])([<>][+-]?) (.+)")
USERS = {"A": "ann", "B": "bob"}
DENIED = {
    "record": dict.fromkeys(["create", "read", "write", "delete", "listen", "notify"], False),
    "event": dict.fromkeys(["publish", "subscribe", "listen"], False),
    "rpc": dict.fromkeys(["provide", "request"], False),
}
ALLOWED = {topic: dict.fromkeys(rules, True) for topic, rules in DENIED.items()}
RULES = {
    **{topic: {"*": ALLOWED[topic], "no/*": DENIED[topic]} for topic in DENIED},
    "presence": {"*": {"allow": True}},
}
CONFIG = {
    "permission": {"type": "config", "options": {"permissions": RULES}},
    "rpc": {"ackTimeout": 300, "responseTimeout": 600},
}


class Follower(TextClient):
    """A client of the reference server, which sends an empty frame where it has nothing to say."""

    async def _lines(self) -> list[str]:
        lines: list[str] = []
        while not lines:
            frame = await self._socket.recv()
            lines = self._read(frame) if frame else []
        return lines


@pytest.fixture(scope="module", params=["fast", "daphne", "reference"])
def speaker(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The server that is spoken to."""
    kind = request.param
    if kind == "reference":
        require(shutil.which("node"), "node on the PATH")
        installed = (NODE_FOLDER / "node_modules" / "@deepstream" / "server").is_dir()
        require(installed, "the reference server: run `npm ci` in tests/node")
    folder = tmp_path_factory.mktemp(f"conversations-{kind}")
    with Server(kind, folder, template=template, config=configuration(**CONFIG)) as server:
        yield server


@pytest.mark.parametrize("title", CONVERSATIONS)
async def test_it_is_said_as_written(speaker: Server, title: str) -> None:
    if speaker.kind == "reference":
        await play(title, speaker, Follower, omitted="<+")
    else:
        await play(title, speaker, TextClient, omitted="<-")


async def play(title: str, speaker: Server, client_class: type[TextClient], *, omitted: str) -> None:
    """Say and hear each line but those that this server has not, by design."""
    async with AsyncExitStack() as stack:
        clients: dict[str, TextClient] = {}
        for label, user in USERS.items():
            login = client_class.login(speaker.url, username=user)
            clients[label] = await stack.enter_async_context(login)
        for label, direction, line in steps_of(title):
            if direction == ">":
                await clients[label].say(line + ";")
            elif direction != omitted:
                heard = await clients[label].hear()
                assert fnmatchcase(heard, re.sub(r"([\[?])", r"[\1]", line)), f"{label} {direction} {line}"
        for client in clients.values():
            await client.quiet()


def steps_of(title: str) -> list[tuple[str, str, str]]:
    lines = [line.strip() for line in CONVERSATIONS[title].strip().splitlines()]
    found = [STEP.fullmatch(line) for line in lines]
    assert all(found), title
    return [(step[1], step[2], step[3]) for step in found if step]
