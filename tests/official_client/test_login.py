"""Connecting, logging in on an open server, coming back (PROTOCOL.md section 2)."""

from collections.abc import Callable

import pytest

from tests.official_client.scenarios import sentences

pytestmark = pytest.mark.node
MODULE = "login.mjs"


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_login(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
