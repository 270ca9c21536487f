"""``python -m benchmarks.floor_server PORT``: the least server in Python that stores a write, then answers.

On the same event loop, frames, codec and store as ours: everybody is let in, and nothing is checked, shared
or kept beside a record's state. What ours costs beyond this are sessions, rules, validation, subscribers,
the order of writes, history and all else that makes it a server.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from functools import partial
from typing import Any, cast

import uvloop

from benchmarks.floor_records import Records, acknowledgement, stored_records
from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, RecordAction, Topic
from gateway.sockets.frames import Payload, binary_frame, read_only_frame, read_simple_frames
from gateway.sockets.upgrade import plain_upgrade

_LARGEST = 1 << 20
_HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

_CODEC = BinaryCodec()
_BARE = {
    Topic.CONNECTION: binary_frame(_CODEC.encode(Message(Topic.CONNECTION, ConnectionAction.ACCEPT))),
    Topic.AUTH: binary_frame(_CODEC.encode(Message(Topic.AUTH, AuthAction.AUTH_SUCCESSFUL))),
}


class Peer(asyncio.Protocol):
    """One client."""

    transport: asyncio.Transport

    def __init__(self, records: Records) -> None:
        self._records = records
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """First the handshake, or somebody asks whether all is well; then frames, whole ones alone."""
        if not self._is_open:
            upgrade = plain_upgrade(data)
            self.transport.write(upgrade.acceptance([], None) if upgrade else _HEALTHY)
            self._is_open = upgrade is not None
            return
        payload = read_only_frame(data, _LARGEST)
        if payload is not None:
            self._take(payload)
            return
        payloads: list[Payload] = []
        if read_simple_frames(data, 0, _LARGEST, payloads) != len(data):
            raise RuntimeError("a frame that is no simple one")
        for each in payloads:
            self._take(each)

    def _take(self, payload: Any) -> None:
        (message,) = _CODEC.decode(payload)
        if message.topic in _BARE:
            self.transport.write(_BARE[Topic(message.topic)])
        elif message.is_write_ack:
            frame = binary_frame(_CODEC.encode(acknowledgement(message)))
            self._records.write(message, partial(self.transport.write, frame))
        elif message.action == RecordAction.HEAD and message.topic == Topic.RECORD:
            version = self._records.version(message.name or "")
            self._say(Message(Topic.RECORD, RecordAction.HEAD_RESPONSE, name=message.name, version=version))
        else:
            self._subscribe(message)

    def _subscribe(self, message: Message) -> None:
        for name in message.names or () if message.topic == Topic.RECORD else ():
            self._say(Message(Topic.RECORD, RecordAction.READ_RESPONSE, name=name, version=0, data="{}"))
        self._say(Message(message.topic, message.action, is_ack=True, correlation_id=message.correlation_id))

    def _say(self, message: Message) -> None:
        self.transport.write(binary_frame(_CODEC.encode(message)))


async def _serve(port: int) -> None:
    records = stored_records()
    server = await asyncio.get_running_loop().create_server(
        lambda: Peer(records), "127.0.0.1", port, backlog=2048
    )
    gc.freeze()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
