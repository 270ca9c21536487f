"""The server is killed under its clients and started again (PROTOCOL.md sections 2 to 8)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
MODULE = "restart.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_restart(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
