"""Write conflicts and merge strategies (PROTOCOL.md section 5)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
MODULE = "conflicts.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_conflicts(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
