"""Listening for events and records, with short timeouts (PROTOCOL.md section 8)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.official_client.scenarios import sentences
from tests.servers import configuration

pytestmark = pytest.mark.node
MODULE = "listening.mjs"


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """No cool-down, so that a listener who comes after a failed search is asked at once."""
    return configuration(listen={"responseTimeout": 300, "matchCooldown": 0, "rematchInterval": 1500})


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_listening(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
