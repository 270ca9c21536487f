"""Events (PROTOCOL.md section 4)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
MODULE = "events.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_events(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
