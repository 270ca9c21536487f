"""Lists and double-ended queues, which are records (PROTOCOL.md section 5)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
MODULE = "lists.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_lists(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
