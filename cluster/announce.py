"""The door to the live server for Django code: views, tasks, management commands, the admin.

    from cluster import announce

    announce.write("orders/17", {"state": "paid"})             # in synchronous code
    await announce.awrite("orders/17", {"state": "paid"})      # in asynchronous code
    transaction.on_commit(lambda: announce.emit("orders/new", {"id": 17}))

Every function ``name`` has an asynchronous twin ``aname``. A call is carried out by a live node, this
process's own if it runs one, and has been when the function returns: stored, and on its way to every
subscriber on every node. Rules are not asked, because this is the server's own code; ``author`` is who
stands behind it. All raise ``AnnounceError`` or one of its kinds; docs/announce.md has more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.apps import apps
from django.conf import settings

from cluster.apps import ClusterConfig
from cluster.layers import is_shared
from cluster.operations import OperationError, Operator, Outcome
from cluster.outside import Outside

TIMEOUT = 10.0
"""Seconds that a call may take unless it says otherwise."""


class AnnounceError(Exception):
    """The server did not do what it was asked; the text says why."""


class NoServer(AnnounceError):
    """No live node can be reached from this process."""


class Conflict(AnnounceError):
    """The record has another version; ``version`` and ``data`` are what is stored."""

    def __init__(self, text: str, version: int, data: Any) -> None:
        super().__init__(text)
        self.version = version
        self.data = data


class NotFound(AnnounceError):
    """There is no such record, client or provider."""


class Invalid(AnnounceError):
    """What was asked can never be done: the name, path, data or arguments are not possible."""


class CallFailed(AnnounceError):
    """The provider answered with an error; ``data`` is what it sent."""

    def __init__(self, text: str, data: Any) -> None:
        super().__init__(text)
        self.data = data


class TimedOut(AnnounceError):
    """No answer came in time; what was asked may have been done nevertheless."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it is stored."""

    name: str
    version: int
    data: Any


# Records


async def aread(name: str) -> Record | None:
    """The record ``name``, None if there is none."""
    found = await aperform("record.read", name=name)
    return None if found is None else Record(name, found["version"], found["data"])


async def awrite(
    name: str, data: Any, *, path: str | None = None, version: int = -1, author: str = ""
) -> None:
    """Set the record ``name``, or the value at ``path`` in it; what is missing is created.

    ``version`` is the one that the write makes, -1 whichever comes next; raises Conflict if another one
    is stored than the one before it.
    """
    fields: dict[str, Any] = {} if path is None else {"path": path}
    await aperform("record.write", name=name, data=data, version=version, author=author, **fields)


async def aerase(name: str, path: str, *, version: int = -1, author: str = "") -> None:
    """Take the value at ``path`` out of the record ``name``; raises Conflict as ``awrite`` does."""
    await aperform("record.erase", name=name, path=path, version=version, author=author)


async def adelete(name: str, *, author: str = "") -> None:
    """Delete the record ``name``; that there is none is no error."""
    await aperform("record.delete", name=name, author=author)


async def anotify(names: Sequence[str]) -> None:
    """Tell the server that records were changed in the database behind its back."""
    await aperform("record.notify", names=list(names))


# Events and calls


async def aemit(name: str, data: Any = None) -> None:
    """Emit the event ``name`` to every subscriber."""
    await aperform("event.emit", name=name, data=data)


async def acall(name: str, data: Any = None, *, timeout: float = TIMEOUT) -> Any:
    """Call the RPC ``name`` and return its result.

    Raises CallFailed with what a provider sent as error, NotFound if there is none, TimedOut.
    """
    return await aperform("rpc.call", timeout=timeout, name=name, data=data)


# Whatever else nodes can be asked


async def aperform(
    operation: str, *, node: str | None = None, timeout: float = TIMEOUT, **arguments: Any
) -> Any:
    """Have ``operation`` done at ``node``, None: at any one."""
    operator = _operator()
    try:
        async with asyncio.timeout(timeout):
            return await _in_its_loop(
                operator.perform(operation, arguments, node=node, timeout=timeout), operator
            )
    except TimeoutError:
        raise TimedOut(f"{operation}: no answer within {timeout:g} s") from None
    except OperationError as error:
        raise _as_announce_error(error) from None


async def aperform_everywhere(
    operation: str, *, timeout: float = TIMEOUT, **arguments: Any
) -> Mapping[str, Outcome]:
    """Have ``operation`` done at every node, and return what each made of it, by the node's name.

    A node that does not answer within ``timeout`` seconds is there with an error of the code ``timeout``.
    """
    operator = _operator()
    try:
        return await _in_its_loop(
            operator.perform_everywhere(operation, arguments, timeout=timeout), operator
        )
    except OperationError as error:
        raise _as_announce_error(error) from None


read = async_to_sync(aread)
write = async_to_sync(awrite)
erase = async_to_sync(aerase)
delete = async_to_sync(adelete)
notify = async_to_sync(anotify)
emit = async_to_sync(aemit)
call = async_to_sync(acall)
perform = async_to_sync(aperform)
perform_everywhere = async_to_sync(aperform_everywhere)


def _operator() -> Operator:
    here = _app().here
    if here is not None:
        return here.operator
    if is_shared(settings.CHANNEL_LAYERS):
        return Outside(get_channel_layer())
    raise NoServer(
        "No server runs in this process, and none can be reached from it without REDIS_URL:"
        " set it here and for the server, or run this inside the server."
    )


def _app() -> ClusterConfig:
    app = apps.get_app_config("cluster")
    assert isinstance(app, ClusterConfig)
    return app


async def _in_its_loop(coroutine: Any, operator: Operator) -> Any:
    """Await ``coroutine`` where ``operator`` lives: a node may only be spoken to in its own loop."""
    here = _app().here
    if here is None or here.operator is not operator or here.loop is asyncio.get_running_loop():
        return await coroutine
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, here.loop))


def _as_announce_error(error: OperationError) -> AnnounceError:
    match error.code:
        case "conflict":
            return Conflict(error.text, error.details["version"], error.details["data"])
        case "not-found" | "no-provider":
            return NotFound(error.text)
        case "invalid":
            return Invalid(error.text)
        case "call-failed":
            return CallFailed(error.text, error.details["data"])
        case "timeout":
            return TimedOut(error.text)
        case "no-server":
            return NoServer(error.text)
        case _:
            return AnnounceError(error.text)
