"""Remote procedure calls."""

from __future__ import annotations

from benchmarks.crowd import Crowd
from benchmarks.exchange import Asker, Askers, Request
from benchmarks.figures import Figures
from benchmarks.load import Pace, body
from benchmarks.sockets import Client
from benchmarks.wire import frame, message_in
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RpcAction, Topic

_PROCEDURE = "bench/rpc"


class Provider:
    """Accepts every call and responds to it with the data it came with."""

    def __init__(self, client: Client) -> None:
        self.calls = 0
        self.errors = 0
        self._client = client
        client.hand_over(self._take)

    def _take(self, payloads: list[bytes]) -> None:
        answers: list[bytes] = []
        for payload in payloads:
            call = message_in(payload)
            if call.action != RpcAction.REQUEST:
                self.errors += 1
                continue
            self.calls += 1
            answers += (
                frame(_answer(call, RpcAction.ACCEPT)),
                frame(_answer(call, RpcAction.RESPONSE, call.data)),
            )
        self._client.transport.write(b"".join(answers))


class Calls:
    """Requesters that each have one call under way, and one provider who answers all of them."""

    operation = "call"

    def __init__(self, name: str, about: str, *, requesters: int) -> None:
        self.name = name
        self.about = about
        self._requesters = requesters

    async def run(self, url: str, pid: int, pace: Pace) -> Figures:
        """See ``Load``."""
        async with Crowd(url) as crowd:
            provide = Message(Topic.RPC, RpcAction.PROVIDE, names=[_PROCEDURE], correlation_id="provide")
            provider = Provider(await crowd.client(provide))
            clients = await crowd.clients(self._requesters)
            answers = (RpcAction.ACCEPT, RpcAction.RESPONSE)
            askers = Askers(
                [Asker(client, _requests(number), answers) for number, client in enumerate(clients)]
            )

            async def faults() -> int:
                return provider.errors + abs(provider.calls - askers.answered) + crowd.lost

            return await askers.measured(pid, pace, faults)


def _requests(requester: int) -> Request:
    def request(number: int) -> Message:
        return Message(
            Topic.RPC,
            RpcAction.REQUEST,
            name=_PROCEDURE,
            correlation_id=f"{requester}-{number}",
            data=body(f"#{number:010}"),
        )

    return request


def _answer(call: Message, action: RpcAction, data: str | None = None) -> Message:
    return Message(Topic.RPC, action, name=call.name, correlation_id=call.correlation_id, data=data)
