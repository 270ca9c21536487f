"""Run the Autobahn test suite's fuzzing client against both modes of the WebSocket protocol class.

    python -m tests.gateway.sockets.autobahn.run [case pattern ...]

The suite is Python 2 code. It is installed once into ``var/autobahn``, for a Python 2.7 that is found here;
the report is left there, to be opened in a browser. Cases 12.* and 13.* are left out: they test compression,
which this server does not offer. The exit code is 0 if no case failed, 1 if one did, 2 if there is no suite.
"""

from __future__ import annotations

import asyncio
import glob
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from gateway.websocket import WebSocketProtocol
from tests.gateway.sockets.autobahn.echo import application

ROOT = Path(__file__).resolve().parents[4]
FOLDER = ROOT / "var" / "autobahn"
PACKAGES = FOLDER / "packages"
REPORTS = FOLDER / "reports"
REQUIREMENT = "autobahntestsuite==0.8.2"  # 25.10.1 leaves its own requirements out
MODES = ("plain", "attached")
COMPRESSION = ["12.*", "13.*"]
CLOSE_TIMEOUT = 10
"""Seconds; the suite's own is 1. How soon a busy machine answers is no matter of the protocol."""
START = """
import site, sys
site.addsitedir(sys.argv.pop(1))  # not PYTHONPATH: the suite's namespace packages need their .pth files read
from autobahntestsuite.wstest import run
run()
"""
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}


class SuiteUnavailable(Exception):
    """The Autobahn test suite cannot be installed here."""


def find_python() -> str:
    """A Python 2.7 that runs and has pip: AUTOBAHN_PYTHON, one on the PATH, or one of pyenv's."""
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    found = [
        os.environ.get("AUTOBAHN_PYTHON"),
        shutil.which("python2.7"),
        *glob.glob(f"{pyenv}/versions/2.7*/bin/python"),
    ]
    for python in filter(None, found):
        check = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
        if check.returncode == 0:
            return python
    raise SuiteUnavailable("a Python 2.7 with pip, on the PATH or named by AUTOBAHN_PYTHON")


def install() -> str:
    """Install the suite unless it is there already; the Python that runs it."""
    python = find_python()
    if PACKAGES.exists():
        return python
    unfinished = FOLDER / f"packages.{os.getpid()}"
    command = [python, "-m", "pip", "install", "--quiet", "--target", str(unfinished), REQUIREMENT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise SuiteUnavailable(f"{REQUIREMENT} for Python 2.7 from a package index: {done.stderr[-500:]}")
    unfinished.rename(PACKAGES)
    return python


def specification(mode: str, port: int, cases: list[str], excluded: list[str]) -> dict[str, Any]:
    """What the fuzzing client is to do."""
    return {
        "outdir": str(REPORTS / mode),
        "servers": [{"agent": mode, "url": f"ws://127.0.0.1:{port}/{mode}"}],
        "cases": cases,
        "exclude-cases": COMPRESSION + excluded,
        "exclude-agent-cases": {},
        "options": {"closeHandshakeTimeout": CLOSE_TIMEOUT},
    }


async def serve_and_fuzz(python: str, cases: list[str], excluded: list[str]) -> None:
    """Run a fuzzing client for each mode against a server in this process.

    Both at once: half of the time they wait, to see that nothing comes.
    """
    config = uvicorn.Config(
        application, port=0, ws=WebSocketProtocol, log_level="warning", lifespan="off", access_log=False
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        await asyncio.gather(*(fuzz(python, mode, port, cases, excluded) for mode in MODES))
    finally:
        await server.shutdown()


async def fuzz(python: str, mode: str, port: int, cases: list[str], excluded: list[str]) -> None:
    """Run one fuzzing client to its end."""
    specification_file = FOLDER / f"{mode}.json"
    specification_file.write_text(json.dumps(specification(mode, port, cases, excluded)))
    with (FOLDER / f"{mode}.log").open("wb") as log:
        client = await asyncio.create_subprocess_exec(
            *(python, "-c", START, str(PACKAGES), "-m", "fuzzingclient", "-s", str(specification_file)),
            cwd=FOLDER,
            stdout=log,
            stderr=asyncio.subprocess.STDOUT,
        )
        await client.wait()


def run(cases: list[str], excluded: list[str]) -> dict[str, dict[str, str]]:
    """Run ``cases``; the behaviours in each mode."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    python = install()
    shutil.rmtree(REPORTS, ignore_errors=True)
    uvloop.run(serve_and_fuzz(python, cases, excluded))
    return {mode: behaviours(mode) for mode in MODES}


def behaviours(mode: str) -> dict[str, str]:
    """Each case's behaviour, in closing if it was good until then."""
    index = json.loads((REPORTS / mode / "index.json").read_text())
    return {
        case: result["behavior"] if result["behavior"] not in GOOD else result["behaviorClose"]
        for case, result in index[mode].items()
    }


def failures(results: dict[str, dict[str, str]]) -> list[str]:
    """A line for each case that is neither OK nor NON-STRICT nor INFORMATIONAL."""
    return [
        f"{mode}: case {case} {behaviour}"
        for mode, found in results.items()
        for case, behaviour in found.items()
        if behaviour not in GOOD
    ]


def main(patterns: list[str]) -> int:
    """Run from a shell."""
    started = time.monotonic()
    try:
        results = run(patterns or ["*"], [])
    except SuiteUnavailable as error:
        print(f"The Autobahn test suite needs {error}", file=sys.stderr)
        return 2
    failed = failures(results)
    for mode, found in results.items():
        counts = {kind: list(found.values()).count(kind) for kind in sorted(set(found.values()))}
        print(f"{mode}: {len(found)} cases, {counts}")
    reports = [f"report: {REPORTS / mode / 'index.html'}" for mode in MODES]
    print(*failed, f"{time.monotonic() - started:.0f} s", *reports, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
