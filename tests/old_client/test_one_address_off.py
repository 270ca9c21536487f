"""Without detection, and without an endpoint for a wire, the common address is for the others alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import websockets

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.topics import ConnectionAction
from tests.old_client.text_client import COMMON_PATH, TextClient
from tests.servers import Server, configuration

SHORT = {"unauthenticatedClientTimeout": 700}
WITHOUT_DETECTION = [
    {"type": "ws-binary", "options": SHORT},
    {"type": "ws-json", "options": {}},
    {"type": "ws-text", "options": {"legacyDetection": False}},
]
BINARY_ALONE = [{"type": "ws-binary", "options": SHORT}]
JSON_CHALLENGE = '{"topic":2,"action":5}'


@contextmanager
def started(folder: Path, template: Path, endpoints: list[dict[str, object]]) -> Iterator[Server]:
    config = configuration(connectionEndpoints=endpoints)
    with Server("fast", folder, template=template, config=config) as server:
        yield server


@pytest.mark.parametrize("endpoints", [WITHOUT_DETECTION, BINARY_ALONE], ids=["off", "no text endpoint"])
async def test_a_silent_client_hears_nothing_until_its_time_is_over(
    tmp_path: Path, template: Path, endpoints: list[dict[str, object]]
) -> None:
    with started(tmp_path, template, endpoints) as server:
        async with websockets.connect(server.url + COMMON_PATH) as socket:
            (message,) = BinaryCodec().decode(await socket.recv())  # type: ignore[arg-type]
            assert message.action == ConnectionAction.AUTHENTICATION_TIMEOUT
        async with TextClient.connect(server.url, COMMON_PATH) as client:
            await client.say("C|CHR|ws://test;")
            assert await client.closed() == 1003


async def test_json_is_let_in_without_detection_too(tmp_path: Path, template: Path) -> None:
    with started(tmp_path, template, WITHOUT_DETECTION) as server:
        async with websockets.connect(server.url + COMMON_PATH) as socket:
            await socket.send(JSON_CHALLENGE)
            assert await socket.recv() == '{"topic":2,"action":4}'
        async with TextClient.login(server.url) as client:
            await client.quiet()


async def test_json_is_not_let_in_without_its_endpoint(tmp_path: Path, template: Path) -> None:
    with started(tmp_path, template, BINARY_ALONE) as server:
        async with TextClient.connect(server.url, COMMON_PATH) as client:
            await client.say_raw(JSON_CHALLENGE)
            assert await client.closed() == 1003
