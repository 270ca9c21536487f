"""A server inside the test's own event loop, and a web service that answers as a test wants."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import orjson
import uvicorn

from deepstream_project.config import load_config
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, Topic
from gateway.application import Application
from gateway.websocket import WebSocketProtocol
from tests.raw_client import RawClient
from tests.servers import configuration


class Serving:
    """A running server: where it is, and the application behind it."""

    def __init__(self, application: Application, server: uvicorn.Server) -> None:
        self.application = application
        port = server.servers[0].sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}"
        self.host = f"127.0.0.1:{port}"


@asynccontextmanager
async def serving(
    folder: Path, *, files: Mapping[str, str] | None = None, **sections: Any
) -> AsyncIterator[Serving]:
    """Serve a configuration with these sections; ``files`` stand beside it for ``fileLoad``."""
    (folder / "config.json").write_text(json.dumps(configuration(**sections)))
    for name, text in (files or {}).items():
        (folder / name).write_text(text)
    application = Application(load_config(folder / "config.json"))
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            host="127.0.0.1",
            port=0,
            ws=WebSocketProtocol,
            lifespan="on",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
    )
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup()
    try:
        yield Serving(application, server)
    finally:
        await application.stop()
        await server.shutdown()


async def attempt(client: RawClient, data: Mapping[str, Any]) -> Message:
    """Try to log in after the challenge, and return the answer."""
    text = orjson.dumps(dict(data)).decode()
    await client.send(Message(Topic.AUTH, AuthAction.REQUEST, data=text))
    return await client.receive(timeout=20)


async def login(url: str, data: Mapping[str, Any], **options: Any) -> Message:
    """Connect and try once to log in; return the answer."""
    async with RawClient.connect(url, **options) as client:
        await client.challenge()
        return await attempt(client, data)


def is_refused(answer: Message, reason: Any = None) -> bool:
    """Whether ``answer`` refuses a login with this ``reason``."""
    expected = None if reason is None else orjson.dumps(reason).decode()
    return answer.action == AuthAction.AUTH_UNSUCCESSFUL and answer.data == expected


def is_accepted(answer: Message, client_data: Any = None) -> bool:
    """Whether ``answer`` accepts a login with this clientData."""
    expected = None if client_data is None else orjson.dumps(client_data).decode()
    return answer.action == AuthAction.AUTH_SUCCESSFUL and answer.data == expected


@dataclass
class Asked:
    """A request that came to a ``WebService``."""

    method: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]


class WebService:
    """An HTTP server that answers with what ``answer`` returns: status, body (JSON unless text), headers."""

    def __init__(self, answer: Callable[[Asked], Answer | Awaitable[Answer]]) -> None:
        self._answer = answer
        self.asked: list[Asked] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            asked = Asked(head[0].split()[0], headers, body)
            self.asked.append(asked)
            answer = self._answer(asked)
            status, content, *more = answer if isinstance(answer, tuple) else await answer
            payload = content.encode() if isinstance(content, str) else orjson.dumps(content)
            lines = [f"HTTP/1.1 {status} Any", f"content-length: {len(payload)}", "connection: close"]
            lines += [f"{key}: {value}" for one in more for key, value in one.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + payload)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client gave up
        finally:
            writer.close()


@asynccontextmanager
async def heard(text: str) -> AsyncIterator[None]:
    """Leave only when the server has logged a line with ``text`` since this was entered."""
    loop, found = asyncio.get_running_loop(), asyncio.Event()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if text in record.getMessage():
                loop.call_soon_threadsafe(found.set)

    ear, logger = Ear(), logging.getLogger("deepstream")
    logger.addHandler(ear)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
        await asyncio.wait_for(found.wait(), 10)
    finally:
        logger.removeHandler(ear)
        logger.setLevel(level)
