"""Where a measurement was made: without it, a figure says nothing."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from tests.servers import NODE_FOLDER, ROOT

_PACKAGES = ("django", "channels", "daphne", "uvicorn", "uvloop", "websockets")


def environment() -> dict[str, str]:
    """The machine, the versions and the commit, by name."""
    load = ", ".join(f"{average:.2f}" for average in os.getloadavg())
    return {
        "machine": f"{_cpu()}, {os.cpu_count()} CPUs, {_memory()} GiB, {platform.platform()}",
        "load average": load,
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "node": _output("node", "--version"),
        "reference": _reference(),
        "commit": _commit(),
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "CPU")


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _reference() -> str:
    package = NODE_FOLDER / "node_modules" / "@deepstream" / "server" / "package.json"
    return (
        f"@deepstream/server {json.loads(package.read_text())['version']}" if package.exists() else "not here"
    )


def _commit() -> str:
    commit = _output("git", "rev-parse", "--short", "HEAD") or "none: not in a git repository"
    changed = _output("git", "status", "--porcelain", "--untracked-files=no")
    return commit + (" and uncommitted changes" if changed else "")


def _output(command: str, *arguments: str) -> str:
    if shutil.which(command) is None:
        return "not here"
    done = subprocess.run([command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
