"""Strategy ``storage``: users kept as records ``table/username`` (CONFIG.md, Login strategies)."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from accounts.login import LoginRequest, Outcome, PassOn, Refused, credentials
from accounts.passwords import Passwords
from deepstream_project.config_login import StorageOptions
from deepstream_protocol.topics import RecordAction
from pubsub.user import User
from records.names import name_problem
from records.pipelines import Pipelines
from records.state import ABSENT, RecordState
from records.storage import Entry, StoreError

log = logging.getLogger("deepstream.login")

T = TypeVar("T")

UNAVAILABLE = Refused({"error": "The users cannot be read"}, is_wrong=False)


class StorageLogin:
    """Users as records ``{password, serverData, clientData}``, read and made through the node's pipelines."""

    def __init__(
        self, options: StorageOptions, passwords: Passwords, pipelines: Callable[[], Pipelines]
    ) -> None:
        self._prefix = options.table + options.table_split_char
        self._creates = options.create_user
        self._passwords = passwords
        self._pipelines = pipelines

    async def login(self, request: LoginRequest) -> Outcome:
        """Pass on whom no record is about, unless users are made here; refuse a wrong password."""
        given = credentials(request.data)
        if isinstance(given, PassOn):
            return given
        username, password = given
        name = self._prefix + username
        if name_problem(name):
            return None
        try:
            state = (await self._pipelines().load([name]))[name]
            if isinstance(state, StoreError):
                raise state
            if state is ABSENT and self._creates:
                state = await self._create(name, username, password)
        except StoreError as error:
            log.error("The user record %r cannot be used: %s", name, error)
            return UNAVAILABLE
        return await self._compare(username, password, state)

    async def _compare(self, username: str, password: str, state: RecordState) -> Outcome:
        record = state.value if isinstance(state.value, Mapping) else {}
        stored = record.get("password")
        known = isinstance(stored, str)
        if not await _ready(self._passwords.matches(password, stored if known else None)):
            return Refused() if known else None
        return User(
            str(record.get("id") or username),
            client_data=record.get("clientData"),
            server_data=record.get("serverData"),
        )

    async def _create(self, name: str, username: str, password: str) -> RecordState:
        """The record of a new user, or the one that another login made meanwhile."""
        hashed = await _ready(self._passwords.hash_soon(password))
        made = {"username": username, "password": hashed, "serverData": {"created": int(time.time() * 1000)}}
        creation = _Creation(RecordState(1, value=made))
        waiting = self._pipelines().of(name).submit(name, creation)
        if waiting is not None:
            await waiting
        return await creation.done


class _Creation:
    """Makes a record unless there is one (``records.transition.Write``); ``done`` is what is stored then."""

    weight = 1

    def __init__(self, made: RecordState) -> None:
        self._made = made
        self.done: asyncio.Future[RecordState] = asyncio.get_running_loop().create_future()

    def apply(self, current: RecordState) -> RecordState:
        """See ``Write.apply``."""
        return self._made if current is ABSENT else current

    apply_to_successor = apply

    def entry(self, state: RecordState) -> Entry:
        """See ``Write.entry``."""
        return Entry(state.version, RecordAction.CREATE, "", None, None)

    def judge(self) -> bool:
        """See ``Write.judge``: it is the server's own."""
        return True

    def stored(self, state: RecordState) -> None:
        """See ``Write.stored``."""
        if not self.done.done():
            self.done.set_result(state)

    def refused(self, action: int, stored: RecordState) -> None:
        """See ``Write.refused``; a creation never is."""
        self.stored(stored)

    def failed(self, error: StoreError) -> None:
        """See ``Write.failed``."""
        if not self.done.done():
            self.done.set_exception(error)


async def _ready(value: T | Awaitable[T]) -> T:
    return await value if inspect.isawaitable(value) else value
