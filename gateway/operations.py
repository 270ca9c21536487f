"""The operations of a node: what ``cluster.announce``, the admin and other nodes may ask of it.

A table from name to a coroutine function whose keyword arguments are the operation's. Arguments and
values are JSON. Rules are not asked: whoever gets this far is the server itself.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from cluster.operations import OperationError, Outcome, within
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, RpcAction, Topic
from gateway.caller import Caller
from gateway.http.replies import CALL_FAILURES, failure
from gateway.node import Node, ServerItself

log = logging.getLogger("deepstream.operations")

Operation = Callable[..., Awaitable[Any]]


class _Unasked:
    """The node as the server's own code finds it: without rules."""

    def __init__(self, node: Node) -> None:
        self.flusher = node.flusher
        self.dispatch = node.handle


class Operations:
    """Carries out operations at one node."""

    def __init__(self, node: Node) -> None:
        self._door = _Unasked(node)
        self._table: dict[str, Operation] = {
            "node.hello": self._hello,
            "record.read": self._read,
            "record.write": self._write,
            "record.erase": self._erase,
            "record.delete": self._delete,
            "record.notify": self._notify,
            "event.emit": self._emit,
            "rpc.call": self._call,
        }

    def add(self, operations: Mapping[str, Operation]) -> None:
        """Offer ``operations`` as well."""
        self._table.update(operations)

    async def perform(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Carry out ``operation``; raises OperationError."""
        function = self._table.get(operation)
        if function is None:
            raise OperationError("unknown-operation", f"There is no operation {operation!r}.")
        try:
            inspect.signature(function).bind(**arguments)
        except TypeError as error:
            raise OperationError("invalid", f"{operation}: {error}.") from None
        return await function(**arguments)

    async def outcome(self, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """What comes of ``operation``, whatever it is."""
        try:
            return Outcome(await self.perform(operation, arguments))
        except OperationError as error:
            return Outcome(error=error)
        except Exception:
            log.exception("The operation %s failed", operation)
            return Outcome(error=OperationError("fault", "The server made a mistake; its log says which."))

    async def _hello(self) -> None:
        """The node is there."""

    # Records

    async def _read(self, name: str) -> Any:
        message = Message(Topic.RECORD, RecordAction.READ, name=name)
        answer = await self._ask(message, (RecordAction.READ_RESPONSE,), absent=RecordAction.RECORD_NOT_FOUND)
        return None if answer is None else {"version": answer.version, "data": answer.value()}

    async def _write(
        self, name: str, data: Any, version: int = -1, author: str = "", path: str | None = None
    ) -> None:
        action = RecordAction.CREATEANDUPDATE if path is None else RecordAction.CREATEANDPATCH
        message = Message(Topic.RECORD, action, name=name, version=version, data=_json(data))
        if path is not None:
            message.path = path
        await self._change(message, author)

    async def _erase(self, name: str, path: str, version: int = -1, author: str = "") -> None:
        await self._change(
            Message(Topic.RECORD, RecordAction.ERASE, name=name, path=path, version=version), author
        )

    async def _delete(self, name: str, author: str = "") -> None:
        message = Message(Topic.RECORD, RecordAction.DELETE, name=name)
        await self._ask(message, (RecordAction.DELETE_SUCCESS,), author=author)

    async def _notify(self, names: list[str]) -> None:
        await self._ask(Message(Topic.RECORD, RecordAction.NOTIFY, names=names), (RecordAction.NOTIFY,))

    async def _change(self, message: Message, author: str) -> None:
        message.is_write_ack = True
        await self._ask(message, (RecordAction.WRITE_ACKNOWLEDGEMENT,), author=author)

    # Events and calls

    async def _emit(self, name: str, data: Any = None) -> None:
        await self._ask(Message(Topic.EVENT, EventAction.EMIT, name=name, data=_json(data)), ())

    async def _call(self, name: str, data: Any = None) -> Any:
        message = Message(Topic.RPC, RpcAction.REQUEST, name=name, data=_json(data))
        answer = await self._ask(message, (RpcAction.RESPONSE,), failures=CALL_FAILURES)
        return None if answer is None else answer.value()

    async def _ask(
        self,
        message: Message,
        answers: tuple[int, ...],
        *,
        author: str = "",
        absent: int | None = None,
        failures: tuple[int, ...] = (),
    ) -> Message | None:
        """The answer to ``message``; None if it asks for none, or it says ``absent``; else OperationError."""
        user = ServerItself(author or None, is_authenticated=bool(author))
        caller = Caller(self._door, user, address="", headers=None)
        answer = await (await caller.ask(message, answers + failures))
        if answer is None or answer.action in answers:
            return answer
        if absent is not None and answer.action == absent:
            return None
        raise _error(message, answer)


_CODES: dict[tuple[int, int], str] = {
    (Topic.RECORD, RecordAction.VERSION_EXISTS): "conflict",
    (Topic.RECORD, RecordAction.INVALID_VERSION): "conflict",
    (Topic.RECORD, RecordAction.RECORD_NOT_FOUND): "not-found",
    (Topic.RECORD, RecordAction.INVALID_MESSAGE_DATA): "invalid",
    (Topic.RECORD, RecordAction.RECORD_CREATE_ERROR): "invalid",
    (Topic.RECORD, RecordAction.INVALID_PATCH_ON_HOTPATH): "invalid",
    (Topic.RPC, RpcAction.NO_RPC_PROVIDER): "no-provider",
    (Topic.RPC, RpcAction.REQUEST_ERROR): "call-failed",
    (Topic.RPC, RpcAction.ACCEPT_TIMEOUT): "timeout",
    (Topic.RPC, RpcAction.RESPONSE_TIMEOUT): "timeout",
}


def _error(asked: Message, answer: Message) -> OperationError:
    code = _CODES.get((answer.topic, answer.action), "unavailable")
    if code == "conflict":
        return OperationError(
            code, failure(asked, answer)["error"], version=answer.version, data=answer.value()
        )
    if code == "call-failed":
        text = f'The provider of the RPC "{asked.name}" answered with an error: {answer.data}'
        return OperationError(code, text, data=answer.value())
    if asked.action == RecordAction.ERASE and asked.topic == Topic.RECORD:
        return OperationError(code, f'Nothing can be erased from record "{asked.name}" there.')
    return OperationError(code, str(failure(asked, answer)["error"]))


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise OperationError("invalid", f"The data is no JSON: {error}.") from None


class LoneOperator:
    """The operator of a node that is alone: everywhere is here."""

    def __init__(self, name: str, operations: Operations) -> None:
        self._name = name
        self._operations = operations

    async def perform(
        self, operation: str, arguments: Mapping[str, Any], *, node: str | None, timeout: float
    ) -> Any:
        """See ``Operator.perform``; the caller keeps the time."""
        if node not in (None, self._name):
            raise OperationError("not-found", f"There is no node {node!r}.")
        return (await self._operations.outcome(operation, arguments)).get()

    async def perform_everywhere(
        self, operation: str, arguments: Mapping[str, Any], *, timeout: float
    ) -> Mapping[str, Outcome]:
        """See ``Operator.perform_everywhere``."""
        return {self._name: await within(timeout, self._operations.outcome(operation, arguments))}
