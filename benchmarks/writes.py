"""Writers who wait for the acknowledgement of each write."""

from __future__ import annotations

from benchmarks.crowd import Crowd
from benchmarks.exchange import MARK, Ask, Asker, Askers, Question
from benchmarks.figures import Figures
from benchmarks.load import Pace, body
from benchmarks.sockets import Client
from benchmarks.wire import frame
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from deepstream_protocol.varint import write_size


class AcknowledgedWrites:
    """Writers that patch a record of their own, each patch when the one before is acknowledged.

    In the end every record's version is read and has to be the number of writes that were acknowledged.
    """

    operation = "write"

    def __init__(self, name: str, about: str, *, writers: int) -> None:
        self.name = name
        self.about = about
        self._writers = writers

    async def run(self, url: str, pid: int, pace: Pace) -> Figures:
        """See ``Load``."""
        async with Crowd(url) as crowd:
            askers = [await writer(crowd, f"bench/writer-{number}") for number in range(self._writers)]
            reader = await crowd.client()

            async def faults() -> int:
                versions = [
                    await _version(reader, f"bench/writer-{number}") for number in range(self._writers)
                ]
                wrong = sum(
                    asker.answered != version for asker, version in zip(askers, versions, strict=True)
                )
                return wrong + crowd.lost

            return await Askers(askers).measured(pid, pace, faults)


async def writer(crowd: Crowd, name: str) -> Asker:
    """One that patches the record ``name``, which it makes if it is not there."""
    opening = Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=[name], correlation_id="open")
    return Asker(await crowd.client(opening, replies=2), patches(name), (RecordAction.WRITE_ACKNOWLEDGEMENT,))


def patches(name: str) -> Ask:
    """The patches of one writer, cut from stencils (see ``benchmarks.calls.calling``)."""
    stencils = {size: _stencil(name, size) for size in range(1, 6)}

    def ask(number: int) -> Question:
        version, mark = write_size(number), b"%012d" % number
        return Question(stencils[len(version)].replace(MARK.encode(), mark) + version, mark)

    return ask


def _stencil(name: str, size: int) -> bytes:
    """A patch without its version, of ``size`` bytes, with which it ends; the mark stands for its number."""
    patch = Message(Topic.RECORD, RecordAction.PATCH, name=name, path="value", data=body(MARK))
    patch.version, patch.correlation_id, patch.is_write_ack = 1 << 7 * (size - 1), MARK, True
    return frame(patch)[:-size]


async def _version(reader: Client, name: str) -> int | None:
    reader.send(Message(Topic.RECORD, RecordAction.HEAD, name=name))
    return (await reader.expect(Topic.RECORD, RecordAction.HEAD_RESPONSE)).version
