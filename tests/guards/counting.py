"""Counting what the interpreter does: the same program counts the same on every machine and under every load.

CPython specialises bytecode as it runs; while it is traced it executes, and counts,
the original one. What C code does shows only as a call.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import selectors
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

UNCOUNTED = (
    str(Path(asyncio.__file__).parent),
    str(Path(concurrent.futures.__file__).parent),
    str(Path(__file__).parent),
    *(module.__file__ or "" for module in (threading, queue, selectors)),
)
"""Waiting, which is as long as it is, and the guards themselves."""


class Count(NamedTuple):
    """Bytecodes that were executed, and calls of functions written in C."""

    bytecodes: int
    c_calls: int


class Meter:
    """Counts in the thread that starts and stops it, and in all threads that begin while it is installed."""

    def __init__(self) -> None:
        self._is_counted: dict[CodeType, bool] = {}
        self._is_on = False
        self._aside: int | None = None
        self._by_code: Counter[CodeType] = Counter()
        self._c_calls = 0

    def __enter__(self) -> None:
        """Do not count what this thread does in this block; others may be at work for the server."""
        self._aside = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._aside = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Be there; nothing is counted yet."""
        threading.settrace(self._on_call)
        threading.setprofile(self._on_profile)
        try:
            yield
        finally:
            threading.setprofile(None)
            threading.settrace(None)

    def start(self) -> None:
        """Count from now on."""
        self._by_code.clear()
        self._c_calls = 0
        self._is_on = True
        sys.settrace(self._on_call)
        sys.setprofile(self._on_profile)

    def stop(self) -> Count:
        """Count no more; what was counted since ``start``."""
        sys.setprofile(None)
        sys.settrace(None)
        self._is_on = False
        return Count(self._by_code.total(), self._c_calls)

    def by_function(self) -> list[tuple[str, int]]:
        """Which functions executed how many bytecodes between the last ``start`` and ``stop``, most first."""
        return [
            (f"{Path(code.co_filename).stem}: {code.co_qualname}", count)
            for code, count in self._by_code.most_common()
        ]

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not self._counts(frame.f_code):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._on_opcode

    def _on_opcode(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode" and self._is_on and self._aside != threading.get_ident():
            self._by_code[frame.f_code] += 1
        return self._on_opcode

    def _on_profile(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and self._is_on and self._aside != threading.get_ident():
            self._c_calls += self._counts(frame.f_code)

    def _counts(self, code: CodeType) -> bool:
        counted = self._is_counted.get(code)
        if counted is None:
            counted = self._is_counted[code] = not code.co_filename.startswith(UNCOUNTED)
        return counted
