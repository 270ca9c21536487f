"""What can be asked of a node from outside its event loop: named operations with JSON in and out."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

import orjson


class OperationError(Exception):
    """Why an operation was not done: a ``code`` for programs, a text for people, and what else is known.

    Codes: ``unknown-operation``, ``invalid``, ``conflict`` (details: version, data), ``not-found``,
    ``no-server``, ``no-provider``, ``call-failed`` (details: data), ``timeout``, ``unavailable``, ``fault``.
    """

    def __init__(self, code: str, text: str, **details: Any) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.details = details


class Outcome(NamedTuple):
    """What came of an operation at one node: its value, or the error instead of it."""

    value: Any = None
    error: OperationError | None = None

    def get(self) -> Any:
        """The value; raises the error."""
        if self.error is not None:
            raise self.error
        return self.value

    def encode(self) -> bytes:
        """As JSON, for other processes."""
        if self.error is None:
            return orjson.dumps({"value": self.value})
        error = self.error
        return orjson.dumps({"code": error.code, "text": error.text, "details": error.details})

    @classmethod
    def decode(cls, encoded: bytes) -> Outcome:
        """What ``encode`` made."""
        fields = orjson.loads(encoded)
        if "value" in fields:
            return cls(fields["value"])
        return cls(error=OperationError(fields["code"], fields["text"], **fields["details"]))


class Operator(Protocol):
    """Whoever can have operations done: a node of this process, or a process that knows some."""

    async def perform(
        self, operation: str, arguments: Mapping[str, Any], *, node: str | None, timeout: float
    ) -> Any:
        """Have it done at ``node`` (None: at any one); raises OperationError."""

    async def perform_everywhere(
        self, operation: str, arguments: Mapping[str, Any], *, timeout: float
    ) -> Mapping[str, Outcome]:
        """Have it done at every node; what each one made of it, by the node's name."""


Perform = Callable[[str, Mapping[str, Any]], Awaitable[Outcome]]
"""Carries out an operation at this node: its name, its arguments."""


async def within(timeout: float, outcome: Awaitable[Outcome]) -> Outcome:
    """``outcome``, or the error ``timeout`` if it does not come in ``timeout`` seconds."""
    try:
        async with asyncio.timeout(timeout):
            return await outcome
    except TimeoutError:
        return Outcome(error=OperationError("timeout", f"No answer within {timeout:g} s."))


class Here(NamedTuple):
    """The node of this process and the event loop in which it must be spoken to."""

    operator: Operator
    loop: AbstractEventLoop
