"""Names and values of every alphabet, large ones and many (PROTOCOL.md sections 2 to 5)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
MODULE = "sizes.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_sizes(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
