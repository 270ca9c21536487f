"""Who is online (PROTOCOL.md section 7)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
MODULE = "presence.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_presence(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
