"""What operators ask this node about its rules: why, what was refused, and what a draft would change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cluster.operations import OperationError
from deepstream_protocol.message import Message
from gateway.node import Node
from gateway.operations import Operation
from gateway.rules.decisions import MAX_RECORDED, Denials, Peek, Recorder, Recording
from gateway.rules.in_force import Rules
from gateway.rules.questions import Presentable, as_known, question_of, user_of
from gateway.rules.trial import states_of, summary, trial
from permissions.asking import ABSENT, GivenRecords, InvalidQuestion, message_for
from permissions.document import InvalidRules
from permissions.reader import RecordReader
from permissions.rule_text import located, read_rules
from permissions.ruleset import RuleSet, milliseconds
from permissions.verdict import AllowEverything, Permissions
from pubsub.user import User

OPEN = "permission.type is none: everything is allowed"


class LiveRules:
    """The operations about the rules of one node.

    ``version`` tells which version of the database is in force, None if none is.
    """

    def __init__(
        self,
        node: Node,
        rules: Rules,
        records: RecordReader,
        *,
        peek: Peek,
        version: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._node = node
        self._rules = rules
        self._records = records
        self._presentable = Presentable(records, rules)
        self._peek = peek
        self._version = version
        self._denials = Denials(peek)
        self._recording: Recording | None = None
        self._is_on = False
        rules.on_denied = self._denials.note

    @property
    def operations(self) -> Mapping[str, Operation]:
        """For ``Operations.add``."""
        return {
            "rules.status": self._status,
            "rules.explain": self._explain,
            "rules.denials": self._list_denials,
            "rules.decision": self._decision,
            "rules.record": self._record,
            "rules.stop_recording": self._stop_recording,
            "rules.forget": self._forget,
            "rules.try": self._try,
        }

    def record(self, limit: int, *, until: int | None = None) -> None:
        """Keep the latest ``limit`` decisions from now on; those that were kept before are forgotten."""
        recording = self._recording = Recording(self._peek, limit, until)
        self._is_on = True
        self._rules.watch(partial(Recorder, recording=recording, expire=self._stop))

    # Operations

    async def _status(self) -> dict[str, Any]:
        """What is in force and what is kept."""
        recording = self._recording
        kept = None
        if recording is not None:
            kept = {
                "on": self._is_on,
                "limit": recording.limit,
                "kept": len(recording.decisions),
                "leftOut": recording.left_out,
                "since": recording.since,
                "until": recording.until,
            }
        permission = self._node.config.permission
        return {
            "type": permission.type,
            "version": self._version(),
            "file": permission.path.name if permission.path else None,
            "denials": self._denials.total,
            "recording": kept,
        }

    async def _explain(
        self,
        action: str,
        name: str,
        user: str | None = None,
        user_data: Any = ABSENT,
        data: Any = ABSENT,
        path: str | None = None,
        old_data: Any = ABSENT,
        records: dict[str, Any] | None = None,
        source: str | None = None,
    ) -> dict[str, Any]:
        """Why ``user`` (None: an open login) may or may not do something with ``name``.

        ``action`` is one of ``permissions.asking.ACTIONS``. Left out, ``user_data`` is what the server knows
        of the user, and ``old_data`` and ``records``, by name, are the live records; null is no such record.
        ``source`` are the rules to ask, as text, in the place of those in force.
        """
        try:
            message = message_for(action, name, data=data, path=path)
        except InvalidQuestion as error:
            raise OperationError("invalid", str(error)) from None
        given = {key: as_known(value) for key, value in (records or {}).items()}
        if old_data is not ABSENT:
            given[name] = as_known(old_data)
        who = user_of(self._node, user, user_data)
        return await self._explained(who, message, GivenRecords(given, self._presentable), source)

    async def _list_denials(self) -> dict[str, Any]:
        """The latest denials, the newest first, and how many there ever were."""
        return {"total": self._denials.total, "denials": [summary(one) for one in self._denials]}

    async def _decision(self, number: int, source: str | None = None) -> dict[str, Any]:
        """A denial or a recorded decision in full, and why the rules in force, or ``source``, decide so."""
        one = self._denials.find(number)
        if one is None and self._recording is not None:
            one = self._recording.find(number)
        if one is None:
            raise OperationError("not-found", "This decision is not kept any more.")
        records = Presentable(GivenRecords(states_of(one), self._records), self._rules)
        explained = await self._explained(
            one.user, Message(**one.message.fields()), records, source, at=one.at
        )
        return summary(one) | {"explanation": explained, "question": question_of(one, records)}

    async def _record(self, limit: int, seconds: float | None = None) -> dict[str, Any]:
        """Begin to record, anew if it is on; for so many ``seconds``, or until it is stopped."""
        if not 1 <= limit <= MAX_RECORDED:
            raise OperationError("invalid", f"The number of decisions must be 1 to {MAX_RECORDED}.")
        self.record(limit, until=None if seconds is None else milliseconds() + int(seconds * 1000))
        return await self._status()

    async def _stop_recording(self) -> dict[str, Any]:
        """Record no more; what was recorded can still be asked about."""
        self._stop()
        return await self._status()

    async def _forget(self) -> dict[str, Any]:
        """Record no more, and keep nothing of it."""
        self._stop()
        self._recording = None
        return await self._status()

    async def _try(self, source: str) -> dict[str, Any]:
        """What the rules ``source`` would change about the recorded decisions; see ``rule_trial.trial``."""
        if self._recording is None:
            raise OperationError("refused", "No decisions were recorded here: switch recording on first.")
        draft = await self._read(source)
        return await trial(
            tuple(self._recording.decisions),
            draft=draft,
            in_force=self._rules.in_force,
            records=self._records,
        )

    # How

    def _stop(self) -> None:
        self._is_on = False
        self._rules.watch(None)

    async def _explained(
        self,
        user: User,
        message: Message,
        records: RecordReader,
        source: str | None,
        *,
        at: int | None = None,
    ) -> dict[str, Any]:
        rules = self._rules.in_force if source is None else await self._read(source)
        if isinstance(rules, AllowEverything):
            return {"verdict": "ALLOWED", "reason": OPEN, "user": user.id, "names": [], "loaded": []}
        if not isinstance(rules, RuleSet):
            raise OperationError("unavailable", "The rules in force cannot be asked why.")
        clock = milliseconds if at is None else lambda: at
        return await rules.among(records, now=clock).explain(user, message)

    async def _read(self, source: str) -> Permissions:
        """The rules in ``source``, read in a thread: a thousand of them take a while."""
        rounds = self._node.config.permission.max_rule_iterations

        def read() -> RuleSet:
            return RuleSet(read_rules(source).values, records=self._records, max_rule_iterations=rounds)

        try:
            return await asyncio.to_thread(read)
        except InvalidRules as error:
            problems = "\n".join(map(located, error.problems))
            raise OperationError("invalid", f"The rules have errors:\n{problems}") from None
