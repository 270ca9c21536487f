"""One round: a fresh server, one load, its figures."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.figures import Figures
from benchmarks.load import Load, Pace
from benchmarks.target import Target


def measure(target: Target, load: Load, pace: Pace, template: Callable[[], Path], **sections: Any) -> Figures:
    """Start ``target``, with these ``sections`` in its configuration, put ``load`` on it and end it."""
    with (
        target.running(template, **sections) as server,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        gc.collect()
        gc.disable()  # nothing here makes cycles by the message, and a collection would show up as latency
        try:
            return runner.run(load.run(server.url, server.pid, pace))
        finally:
            gc.enable()
