"""A server's rules and the rule sets in the database (docs/rules.md).

With ``permission.type: database`` the active rule set is in force, and followed while the server runs. With
``config`` the file is in force, and what it says is kept there as a version.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, cast

from django.apps import apps
from django.db import DatabaseError, InterfaceError

from deepstream_project.config import Config, ConfigError
from gateway.rules.file import written
from gateway.rules.table import RulesTable
from permissions.apps import PermissionsConfig
from permissions.document import InvalidRules, open_document
from permissions.models import RuleSetVersion
from permissions.reader import RecordReader
from permissions.rule_sets import FILE_AUTHOR, Key, RulesRefused, active, active_key, adopt
from permissions.rule_text import located, read_rules
from permissions.ruleset import RuleSet
from permissions.verdict import Permissions
from pubsub.timers import Every

log = logging.getLogger("deepstream.rules")

POLL = 2.0
"""Seconds between two looks at which rule set is active."""


class _Found(NamedTuple):
    """An active version as it was read, and the rules in it, if they can be used."""

    key: Key
    rules: Any
    problems: tuple[str, ...] = ()


class ActiveRules:
    """The active rule set of the database: read at the start, then looked at every ``POLL`` seconds.

    Raises ``ConfigError`` when a server cannot start with it.
    """

    def __init__(self, config: Config) -> None:
        self.permission = config.permission
        self._config = config
        self._table = RulesTable()
        self._is_failing = False
        self._task: asyncio.Task[None] | None = None
        try:
            self._first = self._table.ask_before_start(self._begin)
        except (DatabaseError, InterfaceError) as error:
            self._table.close()
            raise ConfigError(
                f"The rules cannot be read from the database: {error}. Check DATABASE_URL, and whether"
                " `manage.py migrate` was run."
            ) from error
        except BaseException:
            self._table.close()
            raise
        self._seen = None if self._first is None else self._first.key
        self.number = None if self._first is None else self._first.key.number
        """The version that is in force on this node."""

    def compiled(self, records: RecordReader) -> Permissions:
        """The rules that were active at the start."""
        return self._compile(open_document() if self._first is None else self._first.rules, records)

    def follow(self, records: RecordReader, use: Callable[[Permissions], Awaitable[str]]) -> None:
        """Have ``use`` put in force what is activated from now on, and say what came of it."""
        self._loop = asyncio.get_running_loop()
        self._wanted = asyncio.Event()
        self._is_forced = False
        self._task = self._loop.create_task(self._run(records, use))
        self._timer = Every(self._loop, POLL, self._wanted.set)
        servers().append(self)

    def look(self) -> None:
        """See ``RulesServer.look``."""
        with suppress(RuntimeError):  # the loop was closed between two statements of another thread
            self._loop.call_soon_threadsafe(self._wanted.set)

    def reload(self) -> None:
        """Read the active rule set again, whether or not it is another one."""
        self._is_forced = True
        self._wanted.set()

    async def close(self) -> None:
        """Follow no more."""
        if self._task is not None:
            servers().remove(self)
            self._timer.close()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._table.close()

    def _begin(self) -> _Found | None:
        """In the table's thread."""
        version = active() or self._first_version()
        if version is None:
            log.warning("Rules: none is active in the database, so everything is allowed until one is")
            return None
        found = _read(version)
        if found.problems:
            raise ConfigError(*found.problems)
        return found

    def _first_version(self) -> RuleSetVersion | None:
        if RuleSetVersion.objects.filter(state=RuleSetVersion.State.PAST).exists():
            raise ConfigError(
                "No rule set is active in the database though some were before:"
                " choose one with `manage.py deepstream rules list` and `rules rollback`."
            )
        source = written(self._config)
        if source is None:
            return None
        try:
            adopt(source, FILE_AUTHOR, "the first rules")
        except InvalidRules as error:
            raise ConfigError(*(f"{FILE_AUTHOR}: {located(one)}" for one in error.problems)) from None
        return active()

    async def _run(self, records: RecordReader, use: Callable[[Permissions], Awaitable[str]]) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._check(records, use)
            except (DatabaseError, InterfaceError) as error:
                if not self._is_failing:
                    log.error(
                        "Rules: cannot be read from the database; those before stay in force: %s", error
                    )
                self._is_failing = True
            except Exception:
                log.exception("Rules: not read from the database; those before stay in force")

    async def _check(self, records: RecordReader, use: Callable[[Permissions], Awaitable[str]]) -> None:
        forced, self._is_forced = self._is_forced, False
        found = await self._table.ask(_look, None if forced else self._seen)
        if self._is_failing:
            log.info("Rules: the database can be read again")
            self._is_failing = False
        if found is None:
            self._say_that_none_is_active()
        elif forced or found.key != self._seen:
            self._seen = found.key
            await self._use(found, records, use)

    async def _use(
        self, found: _Found, records: RecordReader, use: Callable[[Permissions], Awaitable[str]]
    ) -> None:
        for problem in found.problems:
            log.error("Rules: %s", problem)
        if found.problems:
            log.error("Rules: version %d has errors; those before stay in force", found.key.number)
            return
        permissions = await self._table.ask(self._compile, found.rules, records)
        said = await use(permissions)
        self.number = found.key.number
        log.info("Rules: version %d of the database is in force, %s", found.key.number, said)

    def _say_that_none_is_active(self) -> None:
        """Rows were changed by hand: to allow everything now would be the worst of answers."""
        if self._seen is not None:
            log.error("Rules: none is active in the database any more; those before stay in force")
            self._seen = None

    def _compile(self, rules: Any, records: RecordReader) -> RuleSet:
        return RuleSet(rules, records=records, max_rule_iterations=self.permission.max_rule_iterations)


class KeptRules:
    """Keeps the rules of the configuration as the active rule set; they count even if that fails."""

    def __init__(self, config: Config) -> None:
        self.permission = config.permission
        self._config = config
        self._table = RulesTable()
        self._first = asyncio.get_running_loop().create_task(self.keep())
        servers().append(self)

    def look(self) -> None:
        """See ``RulesServer.look``: whatever is activated, the configuration counts."""

    async def keep(self) -> None:
        """Make a version of the rules that are written now, if the active one is another."""
        try:
            version = await self._table.ask(self._adopt)
        except (DatabaseError, InterfaceError, ConfigError, InvalidRules, RulesRefused) as error:
            log.warning("Rules: in force, but not kept in the database: %s", error)
        except Exception:
            log.exception("Rules: in force, but not kept in the database")
        else:
            if version is not None:
                log.info("Rules: kept in the database as version %d", version.number)

    async def close(self) -> None:
        """Keep what is under way, then no more."""
        servers().remove(self)
        await self._first
        self._table.close()

    def _adopt(self) -> RuleSetVersion | None:
        """In the table's thread."""
        source = written(self._config)
        if source is None:
            return None
        return adopt(source, FILE_AUTHOR if self.permission.path else "config.yml")


def servers() -> list[Any]:
    """The servers in this process, for ``permissions.rule_sets``."""
    return cast(PermissionsConfig, apps.get_app_config("permissions")).servers


def _look(seen: Key | None) -> _Found | None:
    """What is active, read only if it is another one than was ``seen``; None if nothing is."""
    key = active_key()
    if key is None or key == seen:
        return None if key is None else _Found(key, None)
    version = active()
    return None if version is None else _read(version)


def _read(version: RuleSetVersion) -> _Found:
    key = Key(version.number, version.content_hash)
    try:
        return _Found(key, read_rules(version.source).values)
    except InvalidRules as error:
        problems = tuple(f"version {version.number}, {located(problem)}" for problem in error.problems)
        return _Found(key, None, problems)
