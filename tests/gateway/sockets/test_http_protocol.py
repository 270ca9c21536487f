"""Connections that do not say what they want."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.arrival import Arrivals
from gateway.sockets import http_protocol
from tests.gateway.sockets.websocket_kit import DEADLINE, port_of, serving
from tests.servers import Server

SOON = 0.3
"""Seconds that a connection has in a test, which waits for them."""


async def answer_to(port: int, sent: bytes) -> bytes:
    """All that the server says to ``sent`` until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.read(), DEADLINE)
    finally:
        writer.close()


async def seconds_until_closed(port: int, sent: bytes) -> float:
    """How long the server bears with ``sent`` before it hangs up without a word."""
    begun = time.perf_counter()
    assert await answer_to(port, sent) == b""
    return time.perf_counter() - begun


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("a head that is not whole came to the application")


@pytest.mark.parametrize("sent", [b"", b"GET /health-check HTTP/1.1\r\nHost: te"], ids=["nothing", "a part"])
async def test_a_connection_that_sends_no_whole_head_is_closed_in_time(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    for module in ("gateway.arrival", "gateway.sockets.http_protocol"):
        monkeypatch.setattr(f"{module}.HEAD_TIMEOUT", SOON)
    with closing(Arrivals()) as arrivals:
        async with serving(nothing, http=arrivals) as server:
            assert await seconds_until_closed(port_of(server), sent) > SOON / 2


async def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    endless = b"GET / HTTP/1.1\r\nHost: test\r\nX: " + b"x" * (http_protocol.MAX_HEAD + 1)
    with Server("fast", tmp_path) as server:
        assert (await answer_to(server.port, endless)).startswith(b"HTTP/1.1 431 ")
