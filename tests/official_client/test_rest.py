"""What the REST API does to records, events and calls of official clients (docs/rest.md)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
MODULE = "rest.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_rest(play: Callable[[str], None], sentence: str, kind: str) -> None:
    if kind == "reference":
        pytest.skip("the reference server has no REST API")
    play(sentence)
