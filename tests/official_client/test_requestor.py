"""What a provider is told of its requestor (PROTOCOL.md section 6)."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.official_client.scenarios import sentences
from tests.official_client.users import AUTH, USERS
from tests.servers import configuration

pytestmark = pytest.mark.node
MODULE = "requestor.mjs"


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return configuration(auth=AUTH, rpc={"provideRequestorName": True, "provideRequestorData": True})


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    return {"users.yml": USERS}


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_requestor(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
