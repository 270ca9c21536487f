"""Every script, played against the reference server and against this one (PROTOCOL.md sections 1 to 8)."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import pytest

from tests.reference import (
    scripts_connection,
    scripts_denied,
    scripts_events,
    scripts_json,
    scripts_listening,
    scripts_presence,
    scripts_records,
    scripts_rpc,
    scripts_writes,
)
from tests.reference.conftest import Servers
from tests.reference.differences import DIFFERENCES, as_the_reference_plays_it
from tests.reference.play import Play
from tests.reference.script import Dies, IsClosed, Script

KIND = os.environ.get("REFERENCE_SCRIPTS_SERVER", "fast")
"""Which server of ours the scripts are played against: ``fast`` or ``daphne``."""

SCRIPTS: list[Script] = [
    *scripts_connection.SCRIPTS,
    *scripts_events.SCRIPTS,
    *scripts_listening.SCRIPTS,
    *scripts_records.SCRIPTS,
    *scripts_writes.SCRIPTS,
    *scripts_rpc.SCRIPTS,
    *scripts_presence.SCRIPTS,
    *scripts_denied.SCRIPTS,
    *scripts_json.SCRIPTS,
]
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.title)


def as_daphne_closes(script: Script) -> Script:
    """Daphne sends no close code below 3000 but 1000; the gateway gives it those from 4000 on instead.

    A frame over the limit it does not answer at all.
    """
    codes = {1003: 4003, 1008: 4008, 1009: 1006}
    steps = tuple(
        step.actor.is_closed(codes[step.code]) if isinstance(step, IsClosed) else step
        for step in script.steps
    )
    return replace(script, steps=steps)


@each_script
async def test_this_server_follows_the_script(script: Script, servers: Servers) -> None:
    server = servers(KIND, script.setting)
    await Play(server.url, as_daphne_closes(script) if KIND == "daphne" else script).perform()
    assert server.is_healthy(), server.log_tail()


@each_script
async def test_the_reference_follows_it_but_for_the_differences(script: Script, servers: Servers) -> None:
    server = servers("reference", script.setting)
    theirs = as_the_reference_plays_it(script)
    await Play(server.url, theirs).perform()
    if isinstance(theirs.steps[-1], Dies):
        assert not server.is_healthy()
        server.kill()
        server.start()


def test_every_difference_is_shown_by_a_script() -> None:
    used: set[str] = set()
    for script in SCRIPTS:
        as_the_reference_plays_it(script, used)
    assert used == {difference.reason for difference in DIFFERENCES}


def test_every_difference_names_only_scripts_that_there_are() -> None:
    for difference in DIFFERENCES:
        for part in (*difference.where, *difference.but_not):
            assert any(part in script.title for script in SCRIPTS), part


def test_no_two_scripts_have_the_same_title() -> None:
    assert [title for title, count in Counter(script.title for script in SCRIPTS).items() if count > 1] == []
