"""Connections that do not say what they want."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.sockets import http_protocol
from tests.servers import Server


async def answer_to(server: Server, sent: bytes) -> bytes:
    """All that the server says to ``sent`` until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.read(), http_protocol.HEAD_TIMEOUT + 10)
    finally:
        writer.close()


async def test_a_connection_that_sends_no_whole_head_is_closed_in_time(tmp_path: Path) -> None:
    with Server("fast", tmp_path) as server:
        sent = b"", b"GET /health-check HTTP/1.1\r\nHost: te"
        assert await asyncio.gather(*(answer_to(server, part) for part in sent)) == [b"", b""]


async def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    endless = b"GET / HTTP/1.1\r\nHost: test\r\nX: " + b"x" * (http_protocol.MAX_HEAD + 1)
    with Server("fast", tmp_path) as server:
        assert (await answer_to(server, endless)).startswith(b"HTTP/1.1 431 ")
