"""The way from the event loop to the rule sets in the database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar, cast

from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, connections

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class RulesTable:
    """The rule sets, in a thread and with a connection of its own: the event loop never waits for them."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rule-sets")

    async def ask(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """What a function of ``permissions.rule_sets`` returns."""
        call = sync_to_async(_with_connection, thread_sensitive=False, executor=self._thread)
        return cast(Result, await call(function, *args, **kwargs))

    def ask_before_start(self, function: Callable[[], Result]) -> Result:
        """The same for a server that cannot serve yet: it waits, and the event loop with it."""
        return self._thread.submit(_with_connection, function).result()

    def close(self) -> None:
        """Close the connection and end the thread; waits for what is under way."""
        self._thread.submit(connections.close_all)
        self._thread.shutdown(wait=True)


def _with_connection(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """A connection that failed is given up; else it is kept for the next call."""
    try:
        return function(*args, **kwargs)
    except (DatabaseError, InterfaceError):
        connections.close_all()
        raise
