"""The client of versions 1 to 3, on the text protocol (PROTOCOL.md section 9)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
WIRES = ("text",)
MODULE = "old.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_old(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
