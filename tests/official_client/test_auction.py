"""The auction of VALVE.md, with users who log in by password and rules about what they know."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.official_client.scenarios import sentences
from tests.official_client.users import AUTH, hashed
from tests.servers import configuration

pytestmark = pytest.mark.node
MODULE = "auction.mjs"

RULES = """\
record:
  "*": {create: true, read: true, write: true, delete: false, listen: true, notify: true}
  "auction/item/$sellerId/$itemId":
    write: "user.data.canBid && (oldData.price === undefined || data.price > oldData.price)"
    delete: "user.id === $sellerId"
event: {"*": {publish: true, subscribe: true, listen: true}}
rpc: {"*": {provide: true, request: true}}
presence: {"*": {allow: true}}
"""


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    permission = {"type": "config", "options": {"permissions": "fileLoad(permissions.yml)"}}
    return configuration(auth=AUTH, permission=permission)


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    users = {
        name: {"password": hashed(f"secret of {name}"), "serverData": {"canBid": name in ("bob", "cleo")}}
        for name in ("ann", "bob", "cleo", "dan")
    }
    return {"permissions.yml": RULES, "users.yml": json.dumps(users)}


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_auction(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
