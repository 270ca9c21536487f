"""Clients of every version at one address (PROTOCOL.md section 1)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.official_client.scenarios import sentences
from tests.servers import configuration

pytestmark = pytest.mark.node
WIRES = ("text",)
MODULE = "old_address.mjs"


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return configuration(endpoint={"heartbeatInterval": 500})


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_old_address(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
