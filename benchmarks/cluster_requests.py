"""Loads for a cluster in which clients send a request when the one before is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain

from benchmarks.calls import PROVIDE, Provider, calling
from benchmarks.exchange import Asker, Askers, Request, saying
from benchmarks.load import Pace, body
from benchmarks.meter import Measured, Meter
from benchmarks.sockets import Client
from benchmarks.spread import Site, Spread
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, RpcAction, Topic


@dataclass(frozen=True, slots=True)
class SpreadWrites:
    """Writers at all nodes in turns, each with one patch under way that is acknowledged when it is stored.

    ``names`` says which record the writer with a number patches. In the end each record's version has to be
    the number of its acknowledged patches, at every node.
    """

    name: str
    about: str
    names: Callable[[int], str]
    writers: int
    operation: str = "write"
    least: int = 1
    crosses: bool = False

    async def run(self, site: Site, pace: Pace) -> Measured:
        """See ``ClusterLoad``."""
        async with Spread(site, chain(site.around(self.writers), range(site.count))) as crowd:
            clients = await crowd.clients(self.writers)
            readers = await crowd.clients(site.count)
            askers = [
                Asker(client, saying(self._patches(number)), [RecordAction.WRITE_ACKNOWLEDGEMENT])
                for number, client in enumerate(clients)
            ]

            async def wrong() -> int:
                due: dict[str, int] = {}
                for number, asker in enumerate(askers):
                    due[self.names(number)] = due.get(self.names(number), 0) + asker.answered
                return sum([await _version(reader, name) != due[name] for reader in readers for name in due])

            return await _measured(askers, site, crowd, pace, wrong)

    def _patches(self, writer: int) -> Request:
        name = self.names(writer)

        def patch(number: int) -> Message:
            return Message(
                Topic.RECORD,
                RecordAction.CREATEANDPATCH,
                name=name,
                version=-1,
                path=f"writer-{writer}",
                data=body(f"#{number:010}"),
                correlation_id=str(number),
                is_write_ack=True,
            )

        return patch


@dataclass(frozen=True, slots=True)
class CallsElsewhere:
    """Requesters at the first node, each with one call under way, and a provider at the last one."""

    name: str
    about: str
    requesters: int
    operation: str = "call"
    least: int = 1
    crosses: bool = True

    async def run(self, site: Site, pace: Pace) -> Measured:
        """See ``ClusterLoad``."""
        async with Spread(site, [site.last] + [0] * self.requesters) as crowd:
            provider = Provider(await crowd.client(PROVIDE))
            answers = [RpcAction.ACCEPT, RpcAction.RESPONSE]
            askers = [
                Asker(client, calling(number), answers)
                for number, client in enumerate(await crowd.clients(self.requesters))
            ]

            async def wrong() -> int:
                return provider.errors + abs(provider.calls - sum(asker.answered for asker in askers))

            return await _measured(askers, site, crowd, pace, wrong)


async def _measured(
    askers: list[Asker], site: Site, crowd: Spread, pace: Pace, wrong: Callable[[], Awaitable[int]]
) -> Measured:
    """Warm up and measure; ``wrong`` is asked in the end what went wrong besides the askers' errors."""
    together = Askers(askers)
    await together.play(pace.warm_up, pace.patience)
    before = together.answered
    for asker in askers:
        asker.latencies.clear()
    async with Meter(site) as meter:
        await together.play(pace.seconds, pace.patience)
    return meter.measured(
        operations=together.answered - before,
        latencies=[latency for asker in askers for latency in asker.latencies],
        errors=sum(asker.errors for asker in askers) + await wrong() + crowd.lost,
        undelivered=together.sent - together.answered,
    )


async def _version(reader: Client, name: str) -> int | None:
    reader.send(Message(Topic.RECORD, RecordAction.HEAD, name=name))
    return (await reader.expect(Topic.RECORD, RecordAction.HEAD_RESPONSE)).version
