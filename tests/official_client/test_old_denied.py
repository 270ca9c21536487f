"""What is refused to clients of versions 1 to 3 (PROTOCOL.md sections 3, 6 and 9)."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.official_client.scenarios import sentences
from tests.official_client.test_permissions import RULES
from tests.servers import configuration

pytestmark = pytest.mark.node
WIRES = ("text",)
MODULE = "old_denied.mjs"
PERMISSION = {"type": "config", "options": {"permissions": "fileLoad(permissions.json)"}}


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return configuration(permission=PERMISSION, rpc={"ackTimeout": 300, "responseTimeout": 600})


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    return {"permissions.json": json.dumps(RULES)}


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_old_denied(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
