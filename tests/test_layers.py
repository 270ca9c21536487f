"""Imports point down only, enforced over the syntax trees.

A module may import its own layer and those below. Beyond that, the handlers of different domains do not know
each other, the layers without Django name the packages they may use, and the only door from synchronous code
to the cluster is ``cluster.announce``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


class Layer(IntEnum):
    """From the bottom to the top."""

    PROTOCOL = 0
    PUBSUB = 1
    CORE = 2  # handlers, transitions, rules: what the server does, without Django
    CONFIGURATION = 3  # config.yml as a typed object; the core gets its parts handed in
    ADAPTERS = 4  # stores, models, cluster, login: Django and Channels; handed to the core
    PAGES = 5  # admin, REST, dashboard
    GATEWAY = 6
    PROJECT = 7
    OUTSIDE = 8  # the client, tests, benchmarks, scripts: the server imports none of them


PACKAGES = {
    "deepstream_protocol": Layer.PROTOCOL,
    "pubsub": Layer.PUBSUB,
    "events": Layer.CORE,
    "records": Layer.CORE,
    "rpc": Layer.CORE,
    "presence": Layer.CORE,
    "permissions": Layer.CORE,
    "accounts": Layer.ADAPTERS,
    "cluster": Layer.ADAPTERS,
    "monitoring": Layer.ADAPTERS,
    "rest": Layer.PAGES,
    "gateway": Layer.GATEWAY,
    "deepstream_project": Layer.PROJECT,
    "deepstream_client": Layer.OUTSIDE,
    "benchmarks": Layer.OUTSIDE,
    "scripts": Layer.OUTSIDE,
    "tests": Layer.OUTSIDE,
}
UNCHECKED = {"benchmarks", "scripts", "tests"}
PARTS_OF_A_DOMAIN = {
    "models": Layer.ADAPTERS,
    "store": Layer.ADAPTERS,
    "fields": Layer.ADAPTERS,
    "history": Layer.ADAPTERS,  # rows beside those of the store,
    "past": Layer.ADAPTERS,  # and what they tell
    "listing": Layer.ADAPTERS,  # reads rows of records, as the pages show them
    "rule_sets": Layer.ADAPTERS,  # the rows of permissions.models,
    "rule_text": Layer.ADAPTERS,  # and the text in them, which the configuration's parser reads
    "highlight": Layer.ADAPTERS,  # and a page colours
    "apps": Layer.ADAPTERS,
    "migrations": Layer.ADAPTERS,
    "management": Layer.PAGES,
    "admin": Layer.PAGES,
    "api": Layer.PAGES,
    "urls": Layer.PAGES,
    "views": Layer.PAGES,
    "dashboard": Layer.PAGES,
}
THIRD_PARTY = {
    Layer.PROTOCOL: {"orjson"},
    Layer.PUBSUB: {"orjson", "re2"},
    Layer.CORE: {"orjson", "re2", "lark"},
    Layer.CONFIGURATION: {"yaml", "orjson"},
}
"""What a layer may import that is neither this project nor the standard library; not listed: anything."""

DJANGO = {"django", "channels", "channels_redis", "daphne", "rest_framework", "asgiref"}
DOMAINS = {package for package, layer in PACKAGES.items() if layer is Layer.CORE}
CLUSTER_FOR_PAGES = {"cluster.announce", "cluster.api"}
"""What pages may import of the cluster: the door, and pages (the REST API's addresses name all endpoints)."""
CATCH_ALL_NAMES = {"utils", "util", "common", "core", "services", "helpers", "helper"}


def layer_of(module: str) -> Layer:
    """The layer of a dotted module name: its package's, or what its place in a domain says."""
    package, *parts = module.split(".")
    if package == "deepstream_project" and parts and parts[0].startswith("config"):
        return Layer.CONFIGURATION
    layer = PACKAGES[package]
    if layer in (Layer.CORE, Layer.ADAPTERS):
        return max((PARTS_OF_A_DOMAIN[part] for part in parts if part in PARTS_OF_A_DOMAIN), default=layer)
    return layer


def modules_in(root: Path) -> dict[str, Path]:
    """Dotted name → file, of every module in a top-level package of ``root``."""
    found = {}
    for path in sorted(root.glob("*/**/*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if not any(part.startswith(".") or part in ("node_modules", "var") for part in parts):
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports_of(name: str, path: Path, modules: dict[str, Path]) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a module imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
                above = package[: len(package) - node.level + 1]
                origin = ".".join([*above, origin] if origin else above)
            for alias in node.names:
                submodule = f"{origin}.{alias.name}"
                yield node.lineno, submodule if submodule in modules else origin


def objection(source: str, target: str) -> str | None:
    """Why the module ``source`` may not import ``target``, or None if it may."""
    package, other = source.split(".")[0], target.split(".")[0]
    layer = layer_of(source)
    if other not in PACKAGES:
        return third_party_objection(package, layer, other)
    if package == "deepstream_client" and other not in ("deepstream_client", "deepstream_protocol"):
        return "the client uses deepstream_protocol alone"
    if layer_of(target) > layer:
        return f"{layer.name} imports {layer_of(target).name}, which is above it"
    if layer is Layer.CORE and package != other and other in DOMAINS:
        return "the domains' cores do not know each other"
    if layer is Layer.PAGES and other == "cluster" != package and target not in CLUSTER_FOR_PAGES:
        return "synchronous code reaches the cluster by cluster.announce alone"
    return None


def third_party_objection(package: str, layer: Layer, other: str) -> str | None:
    if other in sys.stdlib_module_names:
        return None
    if package == "deepstream_client" and other in DJANGO:
        return "the client runs without Django"
    if other not in THIRD_PARTY.get(layer, {other}):
        return f"{layer.name} does without {other}"
    return None


def violations(root: Path) -> list[str]:
    """Every import under ``root`` that does not point down, and every package that has no place."""
    modules = modules_in(root)
    packages = {name.split(".")[0] for name in modules}
    found = [f"{package}/ has no layer: give it a place" for package in sorted(packages - PACKAGES.keys())]
    for name, path in modules.items():
        found += [f"{name}: refused name" for part in name.split(".") if part in CATCH_ALL_NAMES]
        if name.split(".")[0] in PACKAGES.keys() - UNCHECKED:
            found += [
                f"{path.relative_to(root)}:{line} imports {target}: {reason}"
                for line, target in imports_of(name, path, modules)
                if (reason := objection(name, target))
            ]
    return found


def test_imports_point_down_only() -> None:
    assert violations(ROOT) == []


def test_the_check_sees_the_whole_tree() -> None:
    seen = modules_in(ROOT)
    assert {"deepstream_protocol.message", "records.models", "deepstream_project.settings"} <= seen.keys()
    assert {name.split(".")[0] for name in seen} >= DOMAINS | {"pubsub", "gateway", "cluster", "accounts"}


def made_up_tree(root: Path, files: dict[str, str]) -> Path:
    for name, source in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return root


@pytest.mark.parametrize(
    ("path", "source", "reason"),
    [
        ("deepstream_protocol/json.py", "import pubsub.connection", "which is above it"),
        ("deepstream_protocol/json.py", "import django", "PROTOCOL does without django"),
        ("pubsub/connection.py", "from gateway import node", "which is above it"),
        ("pubsub/connection.py", "def late():\n    from channels import layers", "does without channels"),
        ("records/handler.py", "from records import store", "which is above it"),
        ("records/handler.py", "from . import store", "which is above it"),
        ("records/handler.py", "from .store import Store", "which is above it"),
        ("records/deep/handler.py", "from ..models import Record", "which is above it"),
        ("records/handler.py", "from events.handler import EventHandler", "do not know each other"),
        ("records/handler.py", "from deepstream_project.config import Config", "which is above it"),
        ("records/transition.py", "from django.db import connection", "CORE does without django"),
        ("records/store.py", "from records.admin import RecordAdmin", "which is above it"),
        ("records/admin.py", "from gateway.node import Node", "which is above it"),
        ("records/api.py", "from cluster.bus import Bus", "cluster.announce alone"),
        ("gateway/node.py", "from deepstream_project import settings", "which is above it"),
        ("deepstream_project/config.py", "import django", "CONFIGURATION does without django"),
        ("deepstream_client/client.py", "from pubsub import connection", "deepstream_protocol alone"),
        ("deepstream_client/client.py", "import channels", "without Django"),
        ("gateway/node.py", "from tests import servers", "which is above it"),
        ("records/utils.py", "", "refused name"),
        ("services/thing.py", "", "has no layer"),
    ],
)
def test_the_check_catches(path: str, source: str, reason: str, tmp_path: Path) -> None:
    modules = ("records/store.py", "records/admin.py", "gateway/node.py", "deepstream_project/settings.py")
    files = dict.fromkeys(modules, "") | {path: source}
    assert any(reason in violation for violation in violations(made_up_tree(tmp_path, files)))


def test_the_check_allows_what_points_down(tmp_path: Path) -> None:
    files = {
        "deepstream_protocol/message.py": "import orjson",
        "pubsub/connection.py": "import asyncio\nfrom deepstream_protocol.message import Message",
        "records/store.py": "from django.db import connection\nfrom records.transition import Transition",
        "records/transition.py": "from pubsub.connection import Connection",
        "records/admin.py": "from cluster.announce import announce\nfrom records.store import Store",
        "permissions/ruleset.py": "import lark, re2\nfrom .grammar import parse",
        "cluster/announce.py": "from cluster.bus import Bus\nfrom deepstream_project.config import Config",
        "gateway/node.py": "import records.handler\nfrom deepstream_project.config import Config",
        "deepstream_project/config.py": "import yaml",
        "deepstream_project/asgi.py": "from gateway.node import Node",
        "deepstream_client/client.py": "import websockets\nfrom deepstream_protocol.message import Message",
        "tests/test_anything.py": "import gateway.node",
    }
    assert violations(made_up_tree(tmp_path, files)) == []
