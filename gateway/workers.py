"""``deepstream start --workers N``: the parent of several server processes on one port.

Each child is a ``deepstream start`` of its own and a node of the cluster; the kernel spreads connections
over them (SO_REUSEPORT). Parent and child hold the ends of a socket pair: the child says there that it is
ready, and takes the end of the parent's for the order to stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Sequence
from typing import Any, Self

from gateway.worker import READY

log = logging.getLogger("deepstream")

FIRST_PAUSE, LAST_PAUSE = 1.0, 30.0
"""Seconds until a worker that died is started again: doubled each time, up to the last."""

START_TIMEOUT = 60.0
"""Seconds that a worker may take until it is ready."""

STOP_TIMEOUT = 30.0
"""Seconds that a worker may take to settle what is under way and to end."""


class WorkersFailed(Exception):
    """There is nobody to serve; the text says why."""


class Child:
    """A server process and this side of its socket pair."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, ours: socket.socket) -> None:
        self.name = name
        self._process = process
        self._ours = ours

    @classmethod
    async def start(cls, command: Sequence[str], name: str) -> Self:
        """Run ``command`` as the worker ``name``, out of reach of the terminal's signals."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        number = theirs.fileno()
        with theirs, contextlib.ExitStack() as stack:
            stack.enter_context(ours)
            process = await asyncio.create_subprocess_exec(
                *command,
                "--worker",
                f"{name}:{number}",
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(number,),
                start_new_session=True,
            )
            stack.pop_all()
        return cls(name, process, ours)

    async def is_ready(self) -> bool:
        """Wait until it takes connections; False if it ends or takes too long."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(START_TIMEOUT):
                return await asyncio.get_running_loop().sock_recv(self._ours, len(READY)) == READY
        return False

    async def ended(self) -> str:
        """Wait for its end; how that came."""
        status = await self._process.wait()
        self._ours.close()
        return f"exit status {status}" if status >= 0 else signal.Signals(-status).name

    async def stop(self) -> None:
        """Have it settle what is under way and end."""
        self._ours.close()
        self.send(signal.SIGTERM)  # for one that does not look at its socket yet
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._process.wait()
        except TimeoutError:
            log.error("Worker %s did not end within %g s and is killed", self.name, STOP_TIMEOUT)
            self.send(signal.SIGKILL)
            await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        # Not by subprocess, which would look for the exit status first, and so take it from asyncio.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)


class Workers:
    """Keeps a worker of each name running, from ``run`` until a signal says stop."""

    def __init__(self, command: Sequence[str], names: Sequence[str]) -> None:
        self._command = command
        self._names = names
        self._children: set[Child] = set()
        self._ready: dict[str, Child] = {}
        self._stop = asyncio.Event()
        self._restarting: asyncio.Task[None] | None = None

    def run(self) -> None:
        """Serve; raises WorkersFailed if the first worker does not get ready."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._forward, signal.SIGHUP)
        loop.add_signal_handler(signal.SIGUSR1, self._restart)
        keeping, stopping = loop.create_task(self._keep_all()), loop.create_task(self._stop.wait())
        try:
            await asyncio.wait((keeping, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(keeping, stopping, *([self._restarting] if self._restarting else []))
            await asyncio.gather(*(child.stop() for child in self._children))
        if not keeping.cancelled():
            keeping.result()

    # Signals

    def _end(self) -> None:
        """Stop; the second time, at once."""
        if self._stop.is_set():
            for child in self._children:
                child.send(signal.SIGKILL)
        self._stop.set()

    def _forward(self, number: signal.Signals) -> None:
        for child in self._ready.values():
            child.send(number)

    def _restart(self) -> None:
        if self._restarting is not None and not self._restarting.done():
            log.warning("The workers are being restarted already")
            return
        self._restarting = asyncio.get_running_loop().create_task(self._restart_all())

    # Keeping

    async def _keep_all(self) -> None:
        """Start one worker, which shows whether any can be, then the others; start again who ends."""
        name, *others = self._names
        child = await self._start(name)
        if not await self._is_ready(child):
            how = await child.ended()
            raise WorkersFailed(f"Worker {name} did not start ({how}): the log above says why.")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep(name, child))
            for each in others:
                group.create_task(self._keep(each))

    async def _keep(self, name: str, child: Child | None = None) -> None:
        """Have a worker ``name``, always: ``child`` as long as that lives."""
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE
        while True:
            if child is None:
                child = await self._start(name)
                await self._is_ready(child)
            began = loop.time()
            how = await child.ended()
            self._children.discard(child)
            if (other := self._ready.get(name)) is not child and other is not None:
                child = other  # it was replaced, not lost
                continue
            self._ready.pop(name, None)
            child = None
            if loop.time() - began > LAST_PAUSE:
                pause = FIRST_PAUSE
            log.error("Worker %s ended (%s); it is started again in %g s", name, how, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE)

    async def _restart_all(self) -> None:
        """Replace one worker after the other; who is replaced goes when the new one is ready."""
        log.info("The workers are restarted, one after the other")
        for name in self._names:
            old = self._ready.get(name)
            if old is None:
                continue  # it is being started anyway
            new = await self._start(name)
            if not await self._is_ready(new, instead_of=old):
                log.error("The new worker %s did not get ready: the others stay as they are", name)
                return
            await old.stop()
        log.info("All workers were restarted")

    async def _start(self, name: str) -> Child:
        child = await Child.start(self._command, name)
        self._children.add(child)
        return child

    async def _is_ready(self, child: Child, *, instead_of: Child | None = None) -> bool:
        """Wait for ``child``, which ends if it does not get ready, or not in time to take its place."""
        is_ready = await child.is_ready()
        if is_ready and self._ready.get(child.name) is instead_of:
            self._ready[child.name] = child
            return True
        await child.stop()
        self._children.discard(child)
        return False


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
