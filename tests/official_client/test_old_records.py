"""Records and lists of clients of versions 1 to 3 (PROTOCOL.md section 9)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
WIRES = ("text",)
MODULE = "old_records.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_old_records(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
