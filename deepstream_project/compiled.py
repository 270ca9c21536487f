"""The optional compiled build: modules on the way of every message, as machine code instead of bytecode.

``scripts/compile`` has mypyc compile the ``MODULES`` as they are; there is no other source. What comes of it
lies in a folder that is named after everything it was made of, so whoever changes a module, or runs another
Python, runs the modules as they are until it is made anew. ``deepstream_project/__init__.py`` calls ``use``
before anything else of the project is imported.
"""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent

BUILDS = ROOT / "build" / "compiled"
"""Where builds are, each in a folder of its own."""

SWITCH = "DEEPSTREAM_COMPILED"
"""The environment variable: 0 leaves a build alone, 1 insists on one; else it is used where there is one."""

MODULES = (
    "deepstream_protocol.binary",
    "deepstream_protocol.binary_fields",
    "deepstream_protocol.binary_hot_reader",
    "deepstream_protocol.binary_hot_writer",
    "deepstream_protocol.errors",
    "deepstream_protocol.memo",
    "deepstream_protocol.message",
    "deepstream_protocol.paths",
    "deepstream_protocol.varint",
    "deepstream_protocol.writes",
    "events.handler",
    "gateway.arrival",
    "gateway.caller",
    "gateway.codecs",
    "gateway.dispatch",
    "gateway.endpoint",
    "gateway.session",
    "gateway.sockets.application_call",
    "gateway.sockets.frames",
    "gateway.sockets.open_socket",
    "gateway.sockets.upgrade",
    "gateway.text_session",
    "gateway.websocket",
    "permissions.verdict",
    "pubsub.connection",
    "pubsub.replies",
    "pubsub.subscriptions",
    "pubsub.timers",
    "records.cache",
    "records.commit",
    "records.handler",
    "records.pipelines",
    "records.reader",
    "records.requests",
    "records.state",
    "records.store_thread",
    "records.transition",
    "records.unconfirmed",
    "records.validity",
    "rpc.call",
    "rpc.handler",
)
"""What is compiled. Of classes that inherit from each other, either all are in these modules or none is."""

IMPORTED = (
    "accounts.login",
    "deepstream_protocol.schema",
    "deepstream_protocol.text",
    "deepstream_protocol.text_codes",
    "deepstream_protocol.topics",
    "gateway.host",
    "gateway.sockets.closing",
    "gateway.sockets.http_protocol",
    "gateway.sockets.rare_frames",
    "monitoring.metrics",
    "permissions.questions",
    "pubsub.cluster",
    "pubsub.listening",
    "pubsub.user",
    "records.chronicle",
    "records.following",
    "records.names",
    "records.reads",
    "records.storage",
)
"""What they import of the project: it is not compiled, but the compiler goes by what it says."""

COMPILER = ROOT / "requirements-compile.txt"


def source_of(module: str) -> Path:
    """The file that ``module`` is written in."""
    return ROOT / f"{module.replace('.', '/')}.py"


def folder() -> Path:
    """Where a build of these sources for this Python is, or would be."""
    made_of = hashlib.sha256(f"{sys.version} {sysconfig.get_config_var('EXT_SUFFIX')}".encode())
    for file in (COMPILER, *map(source_of, MODULES + IMPORTED)):
        made_of.update(file.read_bytes())
    return BUILDS / made_of.hexdigest()[:16]


def use() -> bool:
    """Import the compiled modules from now on, if they are there; whether they are.

    Ends the process with a line that says what to do if they are insisted on and not there.
    """
    wish = os.environ.get(SWITCH, "").strip()
    if wish not in ("", "0", "1"):
        sys.exit(f"{SWITCH}={wish!r}: use 1 or 0.")
    if wish == "0":
        return False
    build = folder()
    obstacle = None
    if not build.is_dir():
        obstacle = "there is no build of this code for this Python: run scripts/compile"
    elif early := [module for module in MODULES if module in sys.modules]:
        obstacle = f"{early[0]} was imported before deepstream_project"
    if obstacle is None:
        adopt(build)
    elif wish == "1":
        sys.exit(f"{SWITCH}=1, but {obstacle}")
    return obstacle is None


def adopt(build: Path) -> None:
    """Import the modules in ``build`` from now on."""
    sys.meta_path.insert(0, _Finder(_extensions(build)))


def _extensions(build: Path) -> dict[str, Path]:
    """The files by the names of their modules."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    files = build.rglob(f"*{suffix}")
    return {".".join(file.relative_to(build).parts).removesuffix(suffix): file for file in files}


class _Finder(MetaPathFinder):
    """Finds modules in given files, whatever else has their names."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See ``importlib``."""
        file = self._files.get(fullname)
        return None if file is None else spec_from_file_location(fullname, file)
