"""Heartbeats that fail and logins that never come (PROTOCOL.md section 2)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.official_client.scenarios import sentences
from tests.servers import configuration

pytestmark = pytest.mark.node
MODULE = "silence.mjs"


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return configuration(endpoint={"heartbeatInterval": 700, "unauthenticatedClientTimeout": 1200})


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_silence(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
