"""Every rule type and compound action, bulks, rules that throw, references, a change while clients listen."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.official_client.scenarios import sentences
from tests.servers import configuration

pytestmark = pytest.mark.node
MODULE = "rules.mjs"

TYPES = {
    "record": ("create", "read", "write", "delete", "listen", "notify"),
    "event": ("publish", "subscribe", "listen"),
    "rpc": ("provide", "request"),
}
ROOT_ALONE = "user.id === 'root'"
NEXT = "_({}).next"
CHAIN = NEXT.format(NEXT.format("'chain/{}' + $run + '/1'"))
RULES: dict[str, dict[str, dict[str, Any]]] = {
    section: {
        "*": dict.fromkeys(types, True),
        **{f"no-{rule}/*": {rule: ROOT_ALONE} for rule in types},
    }
    for section, types in TYPES.items()
}
RULES["presence"] = {
    "*": {"allow": f"name !== '' || {ROOT_ALONE}"},  # without a name everybody is meant
    "hidden": {"allow": ROOT_ALONE},
    "hidden-*": {"allow": ROOT_ALONE},
}
RULES["record"]["throws/*"] = {"write": "data.a.b.c"}
RULES["event"]["throws/*"] = {"publish": "data.a.b.c"}
RULES["rpc"]["throws/*"] = {"request": "data.a.b.c"}
RULES["event"]["three/$run"] = {"publish": f"_({CHAIN.format('three')}).open"}
RULES["event"]["four/$run"] = {"publish": f"_(_({CHAIN.format('four')}).next).open"}


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    options = {"permissions": "fileLoad(permissions.json)", "maxRuleIterations": 3}
    return configuration(permission={"type": "config", "options": options})


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    return {"permissions.json": json.dumps(RULES)}


@pytest.mark.parametrize("sentence", sentences(MODULE))
def test_rules(play: Callable[[str], None], sentence: str) -> None:
    play(sentence)
