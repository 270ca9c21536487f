"""Rows changed in the database behind the server's back (PROTOCOL.md section 5)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
MODULE = "notify.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_notify(play: Callable[[str], None], sentence: str, kind: str) -> None:
    if kind == "reference":
        pytest.skip("the reference server has no database that SQL could change")
    play(sentence)
