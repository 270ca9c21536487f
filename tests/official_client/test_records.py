"""Records of one and of two clients (PROTOCOL.md section 5)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
MODULE = "records.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_records(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
