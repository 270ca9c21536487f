"""Writes made without a connection (PROTOCOL.md section 5)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
MODULE = "offline.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_offline(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
