"""Clients that each send a request and wait for its answers before they send the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import NamedTuple

from benchmarks.figures import Figures, figures
from benchmarks.load import Pace, settled
from benchmarks.process import Span
from benchmarks.sockets import Client
from benchmarks.wire import action_in, frame
from deepstream_protocol.message import Message

Request = Callable[[int], Message]
"""The request with this number, from 1; its correlation id, if it has one, is unique."""


MARK = "############"
"""What stands for a request's number in a stencil from which questions are cut."""


class Question(NamedTuple):
    """A request as it goes out, and what of it every answer contains."""

    frame: bytes
    mark: bytes


Ask = Callable[[int], Question]
"""The question with this number, from 1."""


def saying(request: Request) -> Ask:
    """Questions that are written anew each time; answers contain their correlation id."""

    def ask(number: int) -> Question:
        message = request(number)
        return Question(frame(message), (message.correlation_id or "").encode())

    return ask


class Asker:
    """A client whose every request is answered by messages with these actions, in this order."""

    def __init__(self, client: Client, question: Ask, answers: Sequence[int]) -> None:
        self.sent = 0
        self.answered = 0
        self.errors = 0
        self.deadline = 0.0
        self.latencies: list[float] = []
        self._client = client
        self._question = question
        self._answers = answers
        self._due: int | None = None  # which of the answers comes next, if any
        self._mark = b""
        self._sent_at = 0.0
        client.hand_over(self._take)

    def ask(self) -> None:
        """Send the next request."""
        self.sent += 1
        ready, self._mark = self._question(self.sent)
        self._due = 0
        self._sent_at = perf_counter()
        self._client.transport.write(ready)

    def _take(self, payloads: list[bytes]) -> None:
        for payload in payloads:
            due = self._due
            if due is None or action_in(payload) != self._answers[due] or self._mark not in payload:
                self.errors += 1
                self._due = None  # no more from this client, so that its request is counted as unanswered
                return
            if due + 1 < len(self._answers):
                self._due = due + 1
            else:
                self._due = None
                self._completed()

    def _completed(self) -> None:
        now = perf_counter()
        self.answered += 1
        self.latencies.append(now - self._sent_at)
        if now < self.deadline:
            self.ask()


class Askers:
    """All askers of a load."""

    def __init__(self, askers: Sequence[Asker]) -> None:
        self._askers = askers

    @property
    def sent(self) -> int:
        """Requests sent so far."""
        return sum(asker.sent for asker in self._askers)

    @property
    def answered(self) -> int:
        """Requests answered so far, in full and as they should be."""
        return sum(asker.answered for asker in self._askers)

    async def measured(self, pid: int, pace: Pace, faults: Callable[[], Awaitable[int]]) -> Figures:
        """Warm up and measure; ``faults`` is asked in the end what went wrong besides the askers' errors."""
        await self.play(pace.warm_up, pace.patience)
        before = self.answered
        for asker in self._askers:
            asker.latencies.clear()
        span = Span(pid)
        await self.play(pace.seconds, pace.patience)
        span.stop()
        return figures(
            span,
            operations=self.answered - before,
            latencies=[latency for asker in self._askers for latency in asker.latencies],
            errors=sum(asker.errors for asker in self._askers) + await faults(),
            undelivered=self.sent - self.answered,
        )

    async def play(self, seconds: float, patience: float) -> None:
        """Ask for this long, then wait until everything is answered."""
        deadline = perf_counter() + seconds
        for asker in self._askers:
            asker.deadline = deadline
            asker.ask()
        await asyncio.sleep(seconds)
        await settled(lambda: self.answered, lambda: self.sent, patience)
