"""Denials, above all of one name among several (PROTOCOL.md section 3)."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.official_client.scenarios import sentences
from tests.servers import configuration

pytestmark = pytest.mark.node
MODULE = "permissions.mjs"

RECORD = ("create", "read", "write", "delete", "listen", "notify")
EVENT = ("publish", "subscribe", "listen")
RPC = ("provide", "request")


def rules(types: tuple[str, ...], *denied: str) -> dict[str, bool]:
    """Allow every rule type but the denied ones."""
    return {rule: rule not in denied for rule in types}


RULES = {
    "record": {
        "*": rules(RECORD),
        "secret/*": rules(RECORD, "create", "read"),
        "frozen/*": rules(RECORD, "write", "delete"),
    },
    "event": {
        "*": rules(EVENT),
        "secret/*": rules(EVENT, "subscribe"),
        "mute/*": rules(EVENT, "publish"),
    },
    "rpc": {"*": rules(RPC), "secret/*": rules(RPC, "provide"), "forbidden/*": rules(RPC, "request")},
    "presence": {"*": {"allow": False}},
}


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    options = {
        "permissions": "fileLoad(permissions.json)",
        "maxRuleIterations": 3,
        "cacheEvacuationInterval": 60000,
    }
    return configuration(permission={"type": "config", "options": options})


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    return {"permissions.json": json.dumps(RULES)}


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_permissions(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
