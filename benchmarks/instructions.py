"""``python -m benchmarks.instructions``: what a request costs in machine instructions, by library.

The server runs under ``valgrind --tool=callgrind``, which counts what its process executes outside the
kernel: within a percent the same whatever else the machine is doing, so that small gains can be seen.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count, islice, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Protocol

import uvloop

from benchmarks.build import NotCompilable, make_build
from benchmarks.calls import PROVIDE, Provider, calling
from benchmarks.crowd import Crowd
from benchmarks.environment import environment
from benchmarks.exchange import Asker, Askers
from benchmarks.logins import Logins
from benchmarks.target import COMPILED, TARGETS, Template
from benchmarks.writes import writer
from deepstream_protocol.topics import RpcAction
from tests import servers

ASKERS = 50
AT_ONCE = 5
WARM_UP = 3.0
PATIENCE = 60.0
START_DEADLINE = 300.0
SHOWN = 8

_LINE = re.compile(r"\s*([\d,]+) \([^)]*\)\s+(.*)")
_LIBRARY = re.compile(r"\[(.*)\]$")


class Clients(Protocol):
    """Those who ask."""

    @property
    def sent(self) -> int:
        """Requests sent so far."""

    @property
    def answered(self) -> int:
        """Requests answered so far, in full and as they should be."""

    async def play(self, seconds: float, patience: float) -> None:
        """Ask for this long, then wait until everything is answered."""


class Newcomers:
    """Clients that come one after the other, some at once; each is a request."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._numbers = count()
        self._logins = Logins("login", "", clients=0, ahead=0, at_once=AT_ONCE)
        self.sent = 0
        self.answered = 0

    async def play(self, seconds: float, patience: float) -> None:
        """See ``Clients``; a crowd has a patience of its own."""
        deadline = perf_counter() + seconds
        coming = takewhile(lambda _: perf_counter() < deadline, self._numbers)
        self.answered += len(await self._logins.arrive(self._crowd, coming))
        self.sent = self.answered  # who is not let in raises


async def _writers(crowd: Crowd) -> Clients:
    return Askers([await writer(crowd, f"bench/writer-{number}") for number in range(ASKERS)])


async def _callers(crowd: Crowd) -> Clients:
    Provider(await crowd.client(PROVIDE))
    answers = (RpcAction.ACCEPT, RpcAction.RESPONSE)
    return Askers([Asker(await crowd.client(), calling(number), answers) for number in range(ASKERS)])


async def _newcomers(crowd: Crowd) -> Clients:
    return Newcomers(crowd)


LOADS: dict[str, Callable[[Crowd], Awaitable[Clients]]] = {
    "writes-acknowledged": _writers,
    "rpc-50-to-1": _callers,
    "login": _newcomers,
}


class UnderCallgrind(servers.Server):
    """The server with its instructions counted, but not before it is told to."""

    def _command(self) -> list[str]:
        options = ["--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={self.counts}"]
        return ["valgrind", *options, *super()._command()]

    @property
    def counts(self) -> Path:
        """Where callgrind writes, with a number behind the name."""
        return self.folder / "callgrind.out"

    def tell(self, *words: str) -> None:
        """Have callgrind do something."""
        subprocess.run(["callgrind_control", *words, str(self.pid)], check=True, capture_output=True)


async def _run(server: UnderCallgrind, load: str, seconds: float) -> int:
    """How many requests were answered while instructions were counted."""
    async with Crowd(server.url, at_once=AT_ONCE) as crowd:
        clients = await LOADS[load](crowd)
        await clients.play(WARM_UP, PATIENCE)
        answered = clients.answered
        server.tell("-i", "on")
        await clients.play(seconds, PATIENCE)
        server.tell("-i", "off")
        server.tell("-d")
        if clients.answered < clients.sent:
            raise RuntimeError(f"{clients.sent - clients.answered} requests were not answered")
        return clients.answered - answered


def _listing(counts: Path) -> str:
    command = ["callgrind_annotate", "--threshold=100", str(counts)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def by_library(listing: str) -> Counter[str]:
    """Instructions of each library in what callgrind_annotate prints, the interpreter's loop by itself."""
    libraries: Counter[str] = Counter()
    for line in listing.splitlines():
        if (found := _LINE.match(line)) and "PROGRAM TOTALS" not in line:
            place = found[2]
            library = match[1].rpartition("/")[2] if (match := _LIBRARY.search(place)) else "elsewhere"
            if "_PyEval_EvalFrameDefault" in place:
                library = "the interpreter's loop"
            libraries[library] += int(found[1].replace(",", ""))
    return libraries


def measure(load: str, seconds: float, target: str) -> dict[str, float]:
    """Thousands of instructions for an operation of ``load`` on ``target``, by library."""
    servers.START_DEADLINE = START_DEADLINE
    with TemporaryDirectory(prefix="instructions-") as folder:
        template = Template(Path(folder))
        with TARGETS[target].running(template, server_class=UnderCallgrind) as server:
            assert isinstance(server, UnderCallgrind)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                operations = runner.run(_run(server, load, seconds))
            libraries = by_library(_listing(server.counts.with_name(f"{server.counts.name}.1")))
    return {library: count / operations / 1000 for library, count in libraries.most_common()}


def main() -> None:
    """Count, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--load", nargs="+", choices=LOADS, default=list(LOADS), metavar="NAME")
    parser.add_argument("--target", choices=("fast", COMPILED), default="fast", help="the server [fast]")
    parser.add_argument("--seconds", type=float, default=10, help="how long to count")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        sys.exit("needs valgrind (Debian and Ubuntu: apt-get install valgrind)")
    try:
        if options.target == COMPILED:
            make_build()
    except NotCompilable as problem:
        sys.exit(str(problem))
    print("\n".join(f"{key}: {value}" for key, value in environment().items()))
    for load in options.load:
        libraries = measure(load, options.seconds, options.target)
        print(f"{load}: {sum(libraries.values()):.1f} thousand instructions each")
        for library, thousands in islice(libraries.items(), SHOWN):
            print(f"{thousands:10.1f}  {library}")


if __name__ == "__main__":
    main()
