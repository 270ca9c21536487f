"""What a server process uses, from /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")

RESOLUTION = 1e-9
"""Seconds of CPU that are the least that can be measured of a process."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


def family(pid: int) -> list[int]:
    """``pid`` and all processes that descend from it."""
    pids = [pid]
    for parent in pids:  # grows while it is gone through
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            pids += map(int, children.read_text().split())
    return pids


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of the process and its children."""
    return sum(map(time.clock_gettime, map(_cpu_clock, family(pid))))


def _cpu_clock(pid: int) -> int:
    """The clock that clock_getcpuclockid(3) gives: it counts nanoseconds, /proc only ticks of 10 ms."""
    return ~pid << 3 | 2


def resident_bytes(pid: int) -> int:
    """Memory that the process and its children hold."""
    return sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) * _PAGE for member in family(pid))


def forget_peak(pid: int) -> None:
    """Let ``peak_bytes`` begin anew."""
    for member in family(pid):
        Path(f"/proc/{member}/clear_refs").write_text("5")


def peak_bytes(pid: int) -> int:
    """The most memory that the process and its children have held since ``forget_peak``."""
    lines = (
        line for member in family(pid) for line in Path(f"/proc/{member}/status").read_text().split("\n")
    )
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def machine_cpu_seconds() -> float:
    """CPU time of everything on this machine, in steps of a clock tick."""
    user, nice, system, _idle, _wait, *rest = map(
        int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    )
    return (user + nice + system + sum(rest)) / _TICKS


class Span:
    """From making it until ``stop``: seconds, CPU seconds of the server, this process and all others, and
    the bytes that the server's memory has grown by at its peak."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.seconds = 0.0
        self.server_cpu = 0.0
        self.own_cpu = 0.0
        self.other_cpu = 0.0
        self.growth = 0
        forget_peak(pid)
        self._memory = resident_bytes(pid)
        self._start = self._now()

    def stop(self) -> None:
        """End it."""
        ends = self._now()
        self.seconds, self.server_cpu, self.own_cpu, machine_cpu = (
            end - start for start, end in zip(self._start, ends, strict=True)
        )
        self.other_cpu = max(0.0, machine_cpu - self.server_cpu - self.own_cpu)
        self.growth = max(0, peak_bytes(self._pid) - self._memory)

    def _now(self) -> tuple[float, float, float, float]:
        return time.perf_counter(), cpu_seconds(self._pid), time.process_time(), machine_cpu_seconds()
