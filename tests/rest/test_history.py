"""The history of records over REST, at a live server that keeps one."""

from __future__ import annotations

from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from tests.rest.kit import ok, path, problem
from tests.rest.test_records import ODD_NAMES


@pytest.fixture
def name(rest: httpx.Client) -> str:
    """A record with three versions."""
    name = f"rest/{uuid4().hex}"
    ok(rest.put(path("records", name), json={"x": 1}), 201)
    ok(rest.patch(path("records", name), json={"path": "y.z", "value": [2]}), 204)
    ok(rest.patch(path("records", name), json={"path": "x", "erase": True}), 204)
    return name


def test_the_history_says_who_wrote_what_when_the_latest_first(rest: httpx.Client, name: str) -> None:
    rows = ok(rest.get(path("history", name)))["results"]
    assert [(row["version"], row["action"], row["path"], row["data"]) for row in rows] == [
        (3, "ERASE", "x", None),
        (2, "PATCH", "y.z", [2]),
        (1, "UPDATE", None, None),
    ]
    assert {(row["author"], row["node"]) for row in rows} == {("root", "one")}
    assert rows[0]["at"] >= rows[1]["at"] >= rows[2]["at"]


def test_the_history_comes_page_by_page(rest: httpx.Client, name: str) -> None:
    page = ok(rest.get(path("history", name), params={"limit": 2}))
    assert [row["version"] for row in page["results"]] == [3, 2]
    page = ok(rest.get(page["next"]))
    assert ([row["version"] for row in page["results"]], page["next"]) == ([1], None)


def test_a_record_is_shown_as_it_was_in_a_version_or_at_a_time(rest: httpx.Client, name: str) -> None:
    then = rest.get(path("past", name), params={"version": 2})
    assert (ok(then), then.headers["etag"]) == ({"x": 1, "y": {"z": [2]}}, '"2"')
    rows = ok(rest.get(path("history", name)))["results"]
    assert ok(rest.get(path("past", name), params={"at": rows[2]["at"]})) == {"x": 1}
    assert ok(rest.get(path("past", name), params={"at": "2999-01-01T00:00:00Z"})) == {"y": {"z": [2]}}
    problem(rest.get(path("past", name), params={"at": "1999-01-01T00:00:00Z"}), 404)
    problem(rest.get(path("past", name), params={"version": 4}), 404)


def test_what_was_deleted_can_still_be_read_and_put_back(rest: httpx.Client, name: str) -> None:
    ok(rest.delete(path("records", name)), 204)
    assert ok(rest.get(path("history", name)))["results"][0]["action"] == "DELETE"
    old = ok(rest.get(path("past", name), params={"version": 2}))
    ok(rest.put(path("records", name), json=old, headers={"if-none-match": "*"}), 201)
    assert ok(rest.get(path("records", name))) == old


@pytest.mark.parametrize("query", ["", "version=x", "version=-1", "version=2147483648", "at=yesterday"])
def test_a_past_that_is_none_is_refused(rest: httpx.Client, name: str, query: str) -> None:
    assert problem(rest.get(f"/past/{quote(name)}?{query}"), 400)["errors"]
    problem(rest.get(f"/past/{quote(name)}?version=1&at=2026-01-01T00:00:00Z"), 400)


@pytest.mark.parametrize("odd", ODD_NAMES, ids=lambda odd: odd[:24])
def test_a_name_may_have_any_characters(rest: httpx.Client, odd: str) -> None:
    odd = odd[:640] + "-h"
    ok(rest.put(path("records", odd), json={"name": odd}), 201)
    assert len(ok(rest.get(path("history", odd)))["results"]) == 1
    assert ok(rest.get(path("past", odd), params={"version": 1})) == {"name": odd}
    ok(rest.delete(path("records", odd)), 204)
