"""The groups that the migrations make, at a live server."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from accounts.roles import GROUPS
from tests.rest.conftest import WHO
from tests.rest.kit import ok, problem


@pytest.mark.parametrize(("name", "group"), [(name, group) for name, group in WHO.items() if group])
def test_a_member_of_a_group_has_its_permissions(
    name: str, group: str, user: Callable[[str], httpx.Client]
) -> None:
    me = ok(user(name).get("/me/"))
    assert me == {"username": name, "groups": [group], "permissions": sorted(GROUPS[group])}


def test_who_may_look_may_not_touch(user: Callable[[str], httpx.Client]) -> None:
    vera = user("vera")
    ok(vera.get("/records/"))
    ok(vera.get("/nodes/"))
    assert "records.change_record" in problem(vera.put("/records/vera", json={}), 403)["detail"]
    assert "emit_events" in problem(vera.post("/events/vera", json={}), 403)["detail"]
    problem(vera.get("/records/vera"), 404)
