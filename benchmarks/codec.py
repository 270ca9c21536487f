"""What reading and writing one message costs: this codec beside Google's upb, in µs.

Run as ``python -m benchmarks.codec``. Google's column makes and takes the same ``Message``, as a server
on top of it would have to. The smallest of several runs counts: the others had company.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deepstream_protocol
from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.json import JsonCodec
from deepstream_protocol.message import FIELDS, Message
from deepstream_protocol.topics import ACTIONS, EventAction, RecordAction, RpcAction, Topic

DATA = f'"{"x" * 98}"'
RUNS, CALLS = 7, 20_000

MESSAGES = [
    Message(Topic.EVENT, EventAction.EMIT, data=DATA, name="some/event"),
    Message(Topic.EVENT, EventAction.EMIT, data=DATA * 10, name="some/event"),
    Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["some/event"], correlation_id="12"),
    Message(Topic.RECORD, RecordAction.PATCH, data=DATA, name="some/record", path="a.b[0]", version=1000),
    Message(
        Topic.RECORD,
        RecordAction.PATCH,
        data=DATA,
        correlation_id="123",
        name="some/record",
        is_write_ack=True,
        path="a.b[0]",
        version=1000,
    ),
    Message(Topic.RECORD, RecordAction.UPDATE, data=DATA, name="some/record", version=100),
    Message(Topic.RECORD, RecordAction.ERASE, name="some/record", path="a.b", version=100),
    Message(Topic.RECORD, RecordAction.READ_RESPONSE, data=DATA, name="some/record", version=100),
    Message(
        Topic.RECORD,
        RecordAction.WRITE_ACKNOWLEDGEMENT,
        correlation_id="123",
        name="some/record",
        is_write_ack=True,
    ),
    Message(Topic.RPC, RpcAction.REQUEST, data=DATA, correlation_id="lx1-abc", name="some/rpc"),
    Message(Topic.RPC, RpcAction.ACCEPT, correlation_id="lx1-abc", name="some/rpc"),
]


class GoogleCodec:
    """The same with Google's protobuf, which ``protoc`` compiles from ``deepstream.proto``."""

    def __init__(self, module: Any) -> None:
        self._outer = module.Message
        self._inner = {topic: getattr(module, f"{topic.name.capitalize()}Message") for topic in ACTIONS}
        self._fields = {attribute: FIELDS.get(attribute, attribute) for attribute in ("action", *FIELDS)}

    def encode(self, message: Message) -> bytes:
        fields = {self._fields[key]: value for key, value in message.__dict__.items() if key != "topic"}
        body = self._inner[Topic(message.topic)](**fields).SerializeToString()
        outer: bytes = self._outer(topic=message.topic, message=body).SerializeToString()
        return bytes((len(outer),)) + outer if len(outer) < 128 else self._prefix(len(outer)) + outer

    def decode(self, payload: bytes) -> Message:
        outer = self._outer.FromString(payload[1:] if payload[0] < 128 else payload[2:])
        inner = self._inner[outer.topic].FromString(outer.message)
        message = Message(outer.topic, inner.action)
        for field, value in inner.ListFields():
            message.__dict__[field.name] = value
        return message

    @staticmethod
    def _prefix(size: int) -> bytes:
        return bytes((size & 127 | 128, size >> 7))


def google_codec() -> GoogleCodec:
    """Google's codec, compiled into a folder that is gone afterwards."""
    source = Path(deepstream_protocol.__file__).parent
    with tempfile.TemporaryDirectory() as target:
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{source}", f"--python_out={target}"]
        subprocess.run([*protoc, "deepstream.proto"], check=True)
        sys.path.insert(0, target)
        import deepstream_pb2  # type: ignore[import-not-found]

        return GoogleCodec(deepstream_pb2)


def microseconds(call: Callable[[Any], object], argument: Any) -> float:
    """What ``call(argument)`` takes at best."""
    names = {"call": call, "argument": argument}
    return min(timeit.repeat("call(argument)", globals=names, number=CALLS, repeat=RUNS)) / CALLS * 1e6


def main() -> None:
    binary, text, google = BinaryCodec(), JsonCodec(), google_codec()
    columns = ("binary", "json", "upb")
    print(f"{'µs a message':34}{'bytes':>6}  {'decode':8}" + " " * 12 + "encode")
    print(f"{'':40}" + "".join(f"{column:>8}" for column in columns * 2) + "  passed on")
    for message in MESSAGES:
        frame, json = binary.encode(message), text.encode(message)
        assert google.encode(message) == frame
        costs = [microseconds(binary.decode, frame), microseconds(text.decode, json)]
        costs += [microseconds(google.decode, frame), microseconds(binary.encode, message)]
        costs += [microseconds(text.encode, message), microseconds(google.encode, message)]
        kept = "yes" if binary.decode(frame)[0].binary is not None else ""
        action = ACTIONS[Topic(message.topic)](message.action).name
        label = f"{Topic(message.topic).name} {action}"
        print(f"{label:34}{len(frame):6}" + "".join(f"{cost:8.2f}" for cost in costs) + f"  {kept}")


if __name__ == "__main__":
    main()
