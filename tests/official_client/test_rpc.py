"""Remote procedure calls, with short timeouts (PROTOCOL.md section 6)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.official_client.scenarios import sentences
from tests.servers import configuration

pytestmark = pytest.mark.node
MODULE = "rpc.mjs"


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return configuration(rpc={"ackTimeout": 500, "responseTimeout": 2000})


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_rpc(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
