"""Logging in where a password is needed (PROTOCOL.md section 2)."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.official_client.scenarios import sentences
from tests.official_client.users import AUTH, USERS
from tests.servers import configuration

pytestmark = pytest.mark.node
MODULE = "refused.mjs"


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return configuration(auth=AUTH, endpoint={"maxAuthAttempts": 3})


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    return {"users.yml": USERS}


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_refused(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
