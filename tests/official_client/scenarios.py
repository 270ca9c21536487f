"""Runs the scenarios of ``tests/node``, one Node process for each module, server and wire format."""

from __future__ import annotations

import json
import re
import select
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from tests.servers import NODE_FOLDER, Server

WIRES = ("binary", "json")
DEADLINE = 35.0
SCENARIO = re.compile(r"^scenario\('((?:[^'\\]|\\.)+)',", re.MULTILINE)
CALL = re.compile(r"^\s*scenario\(", re.MULTILINE)

Answers = Mapping[str, Callable[..., object]]
"""What a scenario may ask of the test: the question's name and what is called with its arguments."""


class Served(Protocol):
    """A server, or several processes that are one."""

    def is_running(self) -> bool:
        """Whether it lives."""

    def start(self) -> None:
        """Start what does not run."""

    def log_tail(self) -> str:
        """The end of what it logged."""


def sentences(module: str) -> list[str]:
    """Return the sentences under which ``module`` registers its scenarios, in their order."""
    text = (NODE_FOLDER / module).read_text()
    found = SCENARIO.findall(text)
    if not found or len(found) != len(CALL.findall(text)):
        raise LookupError(f"{module} registers scenarios under something else than a plain sentence")
    return [sentence.replace("\\'", "'") for sentence in found]


def answers_of(server: Server) -> Answers:
    """Return what scenarios may ask of ``server``: to die, to come back, to change behind its own back.

    ``read`` and ``write`` are for the files beside its configuration.
    """
    return {
        "kill": server.kill,
        "stop": server.stop,
        "start": server.start,
        "sql": server.sql,
        "read": lambda name: (server.folder / name).read_text(),
        "write": lambda name, text: (server.folder / name).write_text(text),
    }


class Runner:
    """One Node process that plays one module's scenarios against one server, or against a cluster.

    A scenario's parties are spread over ``urls``; with several, ``answers`` has ``settle``, to wait until all
    nodes know what was said.
    """

    def __init__(
        self,
        module: str,
        server: Served,
        wire: str,
        errors: Path,
        *,
        urls: Sequence[str] | None = None,
        answers: Answers | None = None,
    ) -> None:
        if isinstance(server, Server):
            urls, answers = urls or [server.url], answers or answers_of(server)
        assert urls is not None
        assert answers is not None
        self._settings = {"urls": urls, "wire": wire}
        self._module = module
        self._server = server
        self._answers = answers
        self._errors = errors
        self._process = self._start()

    def run(self, sentence: str) -> None:
        """Play the scenario; raise AssertionError with its error and the server's log if it fails."""
        if self._process.poll() is not None:
            self._replace()
        self._say({"run": sentence})
        deadline = time.monotonic() + DEADLINE
        while "passed" not in (line := self._next_line(deadline)):
            if "failed" in line:
                raise AssertionError(f"{line['error']}\n{self._inquest()}")
            self._say({"answer": self._answers[line["ask"]](*line["arguments"])})
            deadline = time.monotonic() + DEADLINE

    def _inquest(self) -> str:
        """Return the server's log; a server that died is started again, for the next scenario's sake."""
        if self._server.is_running():
            return self._server.log_tail()
        log = f"THE SERVER DIED\n{self._server.log_tail()}"
        self._server.start()
        return log

    def close(self) -> None:
        """End the Node process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._stdin, self._stdout):
            pipe.close()

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _start(self) -> subprocess.Popen[bytes]:
        with self._errors.open("ab") as errors:
            return subprocess.Popen(
                ["node", "main.mjs", self._module, json.dumps(self._settings)],
                cwd=NODE_FOLDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
            )

    def _replace(self) -> None:
        self.close()
        self._process = self._start()

    def _say(self, line: Mapping[str, object]) -> None:
        self._stdin.write(json.dumps(line).encode() + b"\n")

    def _next_line(self, deadline: float) -> dict[str, Any]:
        """Return the next line from Node; a dead or silent process is replaced and the scenario fails."""
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready or not (more := self._stdout.readline()):
                self._replace()
                raise AssertionError(f"Node {'died' if ready else 'fell silent'}\n{self._errors.read_text()}")
            line += more
        answer: dict[str, Any] = json.loads(line)
        return answer
