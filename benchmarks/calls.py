"""Remote procedure calls."""

from __future__ import annotations

from benchmarks.crowd import Crowd
from benchmarks.exchange import MARK, Ask, Asker, Askers, Question
from benchmarks.figures import Figures
from benchmarks.load import Pace, body
from benchmarks.sockets import Client
from benchmarks.wire import action_in, frame, message_in
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RpcAction, Topic

PROCEDURE = "bench/rpc"

PROVIDE = Message(Topic.RPC, RpcAction.PROVIDE, names=[PROCEDURE], correlation_id="provide")


def _stencil(action: RpcAction, data: str | None = None) -> bytes:
    """A message whose call's number is its correlation id, and the beginning of its data."""
    return frame(Message(Topic.RPC, action, name=PROCEDURE, correlation_id=MARK, data=data))


_REQUEST = _stencil(RpcAction.REQUEST, body(MARK))
_ANSWERS = _stencil(RpcAction.ACCEPT) + _stencil(RpcAction.RESPONSE, body(MARK))


def calling(requester: int) -> Ask:
    """The calls of one requester. They are cut from a stencil: writing and reading them whole would cost the
    generator as much as it costs a server to pass them on."""

    def ask(number: int) -> Question:
        mark = b"%04d%08d" % (requester, number)
        return Question(_REQUEST.replace(MARK.encode(), mark), mark)

    return ask


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
            if action_in(payload) != RpcAction.REQUEST:
                self.errors += 1
                continue
            self.calls += 1
            answers.append(_answers(payload))
        self._client.transport.write(b"".join(answers))


def _answers(request: bytes) -> bytes:
    """What the provider says to a call: cut from the stencil unless the server gave it another number."""
    start = request.index(b'"') + 1
    mark = request[start : start + len(MARK)]
    if request.count(mark) == 2:
        return _ANSWERS.replace(MARK.encode(), mark)
    call = message_in(request)
    fields = {"name": call.name, "correlation_id": call.correlation_id}
    accept = Message(Topic.RPC, RpcAction.ACCEPT, **fields)
    return frame(accept) + frame(Message(Topic.RPC, RpcAction.RESPONSE, **fields, data=call.data))


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
            provider = Provider(await crowd.client(PROVIDE))
            clients = await crowd.clients(self._requesters)
            answers = (RpcAction.ACCEPT, RpcAction.RESPONSE)
            askers = Askers(
                [Asker(client, calling(number), answers) for number, client in enumerate(clients)]
            )

            async def faults() -> int:
                return provider.errors + abs(provider.calls - askers.answered) + crowd.lost

            return await askers.measured(pid, pace, faults)
