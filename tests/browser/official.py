"""An official client in a Node process of its own, told what to do line by line."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from tests.conftest import require
from tests.servers import NODE_FOLDER, Server

DEADLINE = 20.0


class Official:
    """One client; see ``tests/node/puppet.mjs`` for what it does and says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._said: queue.Queue[list[Any]] = queue.Queue()
        assert process.stdout is not None
        threading.Thread(target=self._listen, args=(process.stdout,), daemon=True).start()

    def _listen(self, stdout: IO[str]) -> None:
        for line in stdout:
            self._said.put(json.loads(line))

    def do(self, *what: Any) -> None:
        """Tell it something to do."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def says(self, *what: Any) -> None:
        """Wait until it says this; what it says before is passed over."""
        passed = []
        while True:
            try:
                said = self._said.get(timeout=DEADLINE)
            except queue.Empty:
                raise AssertionError(f"it did not say {list(what)}, but {passed}") from None
            if said == list(what):
                return
            passed.append(said)


@contextmanager
def official_client(server: Server, username: str) -> Iterator[Official]:
    """A client of ``server`` that is logged in, as long as the context lasts."""
    require(shutil.which("node"), "needs node on the PATH")
    require((NODE_FOLDER / "node_modules").is_dir(), "needs node packages: run `npm ci` in tests/node")
    command = ["node", "puppet.mjs", f"{server.url}/deepstream", username]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=NODE_FOLDER, stdin=pipe, stdout=pipe, text=True) as process:
        client = Official(process)
        try:
            client.says("state", "OPEN")
            yield client
        finally:
            process.kill()
