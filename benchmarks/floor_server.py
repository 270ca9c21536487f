"""``python -m benchmarks.floor_server PORT``: the least server in Python that stores a write, then answers.

On the same event loop, frames, codec and store as ours: everybody is let in, and nothing is checked, shared
or kept beside a record's state. What ours costs beyond this are sessions, rules, validation, subscribers,
the order of writes, history and all else that makes it a server.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections import defaultdict
from typing import Any

import django
import orjson
import uvloop

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, ConnectionAction, RecordAction, Topic
from gateway.sockets.frames import Payload, binary_frame, read_only_frame, read_simple_frames
from gateway.sockets.upgrade import plain_upgrade
from records.storage import RecordStore, Row

_LARGEST = 1 << 20
_GATHERING = 0.002
_HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

_CODEC = BinaryCodec()
_BARE = {
    Topic.CONNECTION: binary_frame(_CODEC.encode(Message(Topic.CONNECTION, ConnectionAction.ACCEPT))),
    Topic.AUTH: binary_frame(_CODEC.encode(Message(Topic.AUTH, AuthAction.AUTH_SUCCESSFUL))),
}


class Records:
    """Every record's version and data, and the writes of one group commit; all writers are waited for."""

    def __init__(self, store: RecordStore) -> None:
        self.states: dict[str, tuple[int, dict[str, Any]]] = defaultdict(lambda: (-1, {}))
        self._ids: dict[str, int] = {}
        self._store = store
        self._rows: list[Row] = []
        self._answers: list[tuple[asyncio.Transport, bytes]] = []
        self._expected = 0
        self._running: asyncio.Task[None] | None = None
        self._gathering: asyncio.Future[None] | None = None

    def write(self, message: Message, transport: asyncio.Transport) -> None:
        """A patch of a top-level key, of a record that nobody else writes to."""
        name, path = message.name or "", message.path or ""
        base, data = self.states[name]
        data[path] = message.value()
        version = message.version or 0
        self.states[name] = version, data
        text = orjson.dumps(data).decode()
        self._rows.append(Row(name, base, version, text, self._ids.get(name, 0)))
        reply = Message(Topic.RECORD, RecordAction.WRITE_ACKNOWLEDGEMENT)
        reply.name, reply.correlation_id, reply.is_write_ack = name, message.correlation_id, True
        self._answers.append((transport, binary_frame(_CODEC.encode(reply))))
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())
        elif self._gathering is not None and len(self._rows) >= self._expected:
            _finish(self._gathering)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._rows:
            rows, answers, self._rows, self._answers = self._rows, self._answers, [], []
            refused, made = await self._store.commit(rows)
            if refused:
                raise RuntimeError("a write was refused")
            self._ids |= made
            for transport, frame in answers:
                transport.write(frame)
            self._expected = len(rows)
            if len(self._rows) < self._expected:
                self._gathering = loop.create_future()
                timer = loop.call_later(_GATHERING, _finish, self._gathering)
                await self._gathering
                timer.cancel()
                self._gathering = None
        self._running = None


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Peer(asyncio.Protocol):
    """One client."""

    transport: asyncio.Transport

    def __init__(self, records: Records) -> None:
        self._records = records
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self.transport = transport  # type: ignore[assignment]  # a server's are whole transports

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
            self._records.write(message, self.transport)
        elif message.action == RecordAction.HEAD and message.topic == Topic.RECORD:
            version, _ = self._records.states[message.name or ""]
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
    # Django has to be set up before these are read.
    from gateway.server import SWITCH_INTERVAL
    from records.store import DatabaseStore

    sys.setswitchinterval(SWITCH_INTERVAL)
    records = Records(DatabaseStore())
    server = await asyncio.get_running_loop().create_server(
        lambda: Peer(records), "127.0.0.1", port, backlog=2048
    )
    gc.freeze()
    await server.serve_forever()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deepstream_project.settings")
    django.setup()
    uvloop.run(_serve(int(sys.argv[1])))
