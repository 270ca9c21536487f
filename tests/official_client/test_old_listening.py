"""Clients of versions 1 to 3 as active providers (PROTOCOL.md sections 8 and 9)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
WIRES = ("text",)
MODULE = "old_listening.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_old_listening(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
