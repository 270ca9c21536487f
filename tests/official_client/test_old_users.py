"""Clients of versions 1 to 3 where a password is needed (PROTOCOL.md sections 2, 7 and 9)."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.official_client.scenarios import sentences
from tests.official_client.users import AUTH, USERS
from tests.servers import configuration

pytestmark = pytest.mark.node
WIRES = ("text",)
MODULE = "old_users.mjs"


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return configuration(auth=AUTH, endpoint={"maxAuthAttempts": 3})


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    return {"users.yml": USERS}


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_old_users(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
