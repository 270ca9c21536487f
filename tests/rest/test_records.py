"""Records over REST, at a live server."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import RecordAction, Topic
from tests.raw_client import RawClient
from tests.rest.kit import ok, path, problem
from tests.servers import Server

MERGE_PATCH = {"content-type": "application/merge-patch+json"}

ODD_NAMES = [
    "a/b/c",
    "/begins/with/a/slash",
    "ends/with/a/slash/",
    "two//slashes",
    "100%",
    "%2F is no slash",
    "question?mark=1&and#hash",
    "quotes \"double\" and 'single'",
    "<script>alert(1)</script>",
    "back\\slash",
    "line\nbreak\r\ttab",
    "späte Grüße, 日本語, 🦜",
    "a+b c",
    "history/x",
    "schema/",
    ";;=,:@$!*()[]{}|^`~",
    "x" * 1024,
    "🦜" * 650,
    " blanks ",
]


@pytest.fixture
def name() -> str:
    """The name of a record that nobody else uses."""
    return f"rest/{uuid4().hex}"


def test_a_record_is_put_read_replaced_and_deleted(rest: httpx.Client, name: str) -> None:
    address = path("records", name)
    assert problem(rest.get(address), 404)["detail"] == f"There is no record {name!r}."
    created = rest.put(address, json={"x": 1})
    assert (ok(created, 201), created.headers["etag"]) == (None, '"1"')
    found = rest.get(address)
    assert (ok(found), found.headers["etag"]) == ({"x": 1}, '"1"')
    replaced = rest.put(address, json=[1, 2])
    assert (ok(replaced, 204), replaced.headers["etag"]) == (None, '"2"')
    assert ok(rest.get(address)) == [1, 2]
    ok(rest.delete(address), 204)
    problem(rest.get(address), 404)
    problem(rest.delete(address), 404)


@pytest.mark.parametrize("odd", ODD_NAMES, ids=lambda odd: odd[:24])
def test_a_name_may_have_any_characters(rest: httpx.Client, odd: str) -> None:
    address = path("records", odd)
    ok(rest.put(address, json={"name": odd}), 201)
    assert ok(rest.get(address)) == {"name": odd}
    (row,) = ok(rest.get("/records/", params={"prefix": odd}))["results"]
    assert row["name"] == odd
    ok(rest.patch(address, json={"path": "x", "value": 1}), 204)
    ok(rest.delete(address), 204)


def test_slashes_in_the_path_need_no_encoding(rest: httpx.Client, name: str) -> None:
    ok(rest.put(f"/records/{name}", json={}), 201)
    assert ok(rest.get(path("records", name))) == {}


@pytest.mark.parametrize(
    ("odd", "reason"),
    [("a%00b", "NUL"), ("x" * 1025, "at most 1024"), ("%ff%fe", "UTF-8"), ("a%C3", "UTF-8")],
    ids=["NUL", "too long", "no UTF-8", "half a character"],
)
def test_what_cannot_be_a_name_is_refused_with_a_reason(rest: httpx.Client, odd: str, reason: str) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = rest.request(method, f"/records/{odd}", json={})
        assert reason in problem(answer, 400)["detail"]


async def test_a_put_reaches_subscribers_at_once_and_in_the_version_it_says(
    rest: httpx.Client, server: Server, name: str
) -> None:
    async with RawClient.connect(server.url) as client:
        await client.login()
        await client.send(Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=[name]))
        await client.expect(action=RecordAction.SUBSCRIBECREATEANDREAD, is_ack=True)
        await client.expect(action=RecordAction.READ_RESPONSE, name=name, version=0)
        answer = await asyncio.to_thread(rest.put, path("records", name), json={"x": 1})
        assert (answer.status_code, answer.headers["etag"]) == (204, '"1"')
        update = await client.expect(action=RecordAction.UPDATE, name=name, version=1)
        assert update.value() == {"x": 1}
        change = {"path": "y[1]", "value": True}
        ok(await asyncio.to_thread(rest.patch, path("records", name), json=change), 204)
        patch = await client.expect(action=RecordAction.PATCH, name=name, version=2, path="y[1]")
        assert patch.value() is True
        await client.quiet()


def test_a_write_with_another_version_in_if_match_changes_nothing_and_shows_what_is_stored(
    rest: httpx.Client, name: str
) -> None:
    address = path("records", name)
    ok(rest.put(address, json={"x": 1}), 201)
    ok(rest.put(address, json={"x": 2}, headers={"if-match": '"1"'}), 204)
    stale = {"if-match": '"1"'}
    for answer in (
        rest.put(address, json={"x": 3}, headers=stale),
        rest.patch(address, json={"path": "x", "value": 3}, headers=stale),
        rest.patch(address, json={"path": "x", "erase": True}, headers=stale),
        rest.patch(address, content='{"x": 3}', headers=stale | MERGE_PATCH),
        rest.delete(address, headers=stale),
    ):
        found = problem(answer, 412)
        assert (found["type"], found["version"], found["data"]) == (
            "urn:deepstream:version-conflict",
            2,
            {"x": 2},
        )
        assert answer.headers["etag"] == '"2"'
    assert ok(rest.get(address)) == {"x": 2}
    ok(rest.delete(address, headers={"if-match": '"7", "2"'}), 204)


def test_if_match_with_a_star_wants_any_version_and_if_none_match_wants_none(
    rest: httpx.Client, name: str
) -> None:
    address = path("records", name)
    missing = problem(rest.put(address, json={}, headers={"if-match": "*"}), 412)
    assert (missing["version"], missing["data"]) == (None, None)
    ok(rest.put(address, json={"x": 1}, headers={"if-none-match": "*"}), 201)
    assert problem(rest.put(address, json={}, headers={"if-none-match": "*"}), 412)["data"] == {"x": 1}
    ok(rest.put(address, json={"x": 2}, headers={"if-match": "*"}), 204)


def test_a_weak_tag_matches_nothing_and_what_is_no_tag_is_refused(rest: httpx.Client, name: str) -> None:
    address = path("records", name)
    ok(rest.put(address, json={}), 201)
    problem(rest.put(address, json={}, headers={"if-match": 'W/"1"'}), 412)
    assert '"3"' in problem(rest.put(address, json={}, headers={"if-match": "1"}), 400)["detail"]


def test_who_has_the_current_version_is_not_sent_it_again(rest: httpx.Client, name: str) -> None:
    address = path("records", name)
    ok(rest.put(address, json={"x": 1}), 201)
    again = rest.get(address, headers={"if-none-match": '"1"'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", '"1"')
    assert ok(rest.get(address, headers={"if-none-match": '"0"'})) == {"x": 1}


def test_a_patch_changes_one_path_or_takes_it_away(rest: httpx.Client, name: str) -> None:
    address = path("records", name)
    ok(rest.patch(address, json={"path": "a.b[1]", "value": None}), 201)
    assert ok(rest.get(address)) == {"a": {"b": [None, None]}}
    ok(rest.patch(address, json={"path": "a.c", "value": {"d": 1}}), 204)
    ok(rest.patch(address, json={"path": "a.b", "erase": True}), 204)
    assert ok(rest.get(address)) == {"a": {"c": {"d": 1}}}


def test_a_merge_patch_sets_and_removes_members(rest: httpx.Client, name: str) -> None:
    address = path("records", name)
    made = rest.patch(address, content='{"a": {"b": 1, "c": null}}', headers=MERGE_PATCH)
    assert (ok(made, 201), made.headers["etag"]) == (None, '"1"')
    assert ok(rest.get(address)) == {"a": {"b": 1}}
    ok(rest.patch(address, content='{"a": {"b": null, "d": [1]}, "e": 2}', headers=MERGE_PATCH), 204)
    assert ok(rest.get(address)) == {"a": {"d": [1]}, "e": 2}


@pytest.mark.parametrize(
    ("body", "kind", "status", "reason"),
    [
        ("", "application/json", 400, "needs a body"),
        ("{", "application/json", 400, "no JSON"),
        ('{"a": NaN}', "application/json", 400, "no JSON"),
        ('"\\ud800"', "application/json", 400, "no JSON"),
        ("5", "application/json", 400, "object or array"),
        ("[" * 220 + "]" * 220, "application/json", 400, "not possible"),
        ("{}", "text/plain", 415, "application/json"),
        ("[" * 5000 + "]" * 5000, "application/json", 400, "no JSON"),
    ],
    ids=["nothing", "half", "NaN", "surrogate", "number", "deep", "text", "abyss"],
)
def test_what_cannot_be_a_record_is_refused_with_a_reason(
    rest: httpx.Client, name: str, body: str, kind: str, status: int, reason: str
) -> None:
    answer = rest.put(path("records", name), content=body, headers={"content-type": kind})
    assert reason in problem(answer, status)["detail"]
    problem(rest.get(path("records", name)), 404)


def test_a_body_that_is_too_large_is_refused(rest: httpx.Client, name: str) -> None:
    answer = rest.put(path("records", name), json=["x" * 3_000_000])
    assert "2621440 bytes" in problem(answer, 413)["detail"]


def test_a_body_of_unknown_length_is_read_and_not_taken_for_none(rest: httpx.Client, name: str) -> None:
    chunks = iter([b'{"x"', b": 1}"])
    answer = rest.put(path("records", name), content=chunks, headers={"content-type": "application/json"})
    ok(answer, 201)
    assert ok(rest.get(path("records", name))) == {"x": 1}


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"value": 1}, "path"),
        ({"path": 5, "value": 1}, "path"),
        ({"path": "a"}, ""),
        ({"path": "a", "value": 1, "erase": True}, ""),
        ({"path": "a", "erase": "yes"}, "erase"),
        ([1], ""),
    ],
    ids=str,
)
def test_a_patch_that_is_none_is_refused_with_the_field(
    rest: httpx.Client, name: str, patch: object, field: str
) -> None:
    found = problem(rest.patch(path("records", name), json=patch), 400)
    assert [one["field"] for one in found["errors"]] == [field]


def test_a_path_that_cannot_be_is_refused(rest: httpx.Client, name: str) -> None:
    answer = rest.patch(path("records", name), json={"path": "a.__proto__", "value": 1})
    assert "path is not possible" in problem(answer, 400)["detail"]
    problem(rest.patch(path("records", name), json={"path": "a", "erase": True}), 404)


def test_the_list_has_all_records_with_a_prefix_page_by_page_in_order(rest: httpx.Client, name: str) -> None:
    names = [f"{name}/{suffix}" for suffix in ("1", "2", "A", "a", "b%", "ü", "𐍈")]
    for each in reversed(names):
        ok(rest.put(path("records", each), json={"is": each}), 201)
    ok(rest.put(path("records", f"{name}0"), json={}), 201)  # the next after the slash
    seen, page = [], ok(rest.get("/records/", params={"prefix": f"{name}/", "limit": 3}))
    while True:
        assert all("data" not in row and row["version"] == 1 for row in page["results"])
        seen.append([row["name"] for row in page["results"]])
        if page["next"] is None:
            break
        page = ok(rest.get(page["next"]))
    assert seen == [names[:3], names[3:6], names[6:]]
    assert ok(rest.get(page["previous"]))["results"][0]["name"] == names[3]
    (row,) = ok(rest.get("/records/", params={"prefix": names[0], "with_data": "true"}))["results"]
    assert row["data"] == {"is": names[0]}
    assert row["created_at"] <= row["updated_at"]


def test_prefixes_are_compared_character_by_character(rest: httpx.Client, name: str) -> None:
    for suffix in ("case", "Case", "ca_e", "ca%e"):
        ok(rest.put(path("records", f"{name}{suffix}"), json={}), 201)
    for suffix in ("case", "Case", "ca_", "ca%"):
        found = ok(rest.get("/records/", params={"prefix": f"{name}{suffix}"}))["results"]
        assert [row["name"] for row in found] == [
            f"{name}{one}" for one in ("case", "Case", "ca_e", "ca%e") if one.startswith(suffix)
        ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "cD1hJTAwYg=="}, "cursor"),
        ({"with_data": "perhaps"}, "with_data"),
    ],
    ids=str,
)
def test_a_list_that_cannot_be_is_refused_with_the_parameter(
    rest: httpx.Client, query: dict[str, str], field: str
) -> None:
    found = problem(rest.get("/records/", params=query), 400)
    assert [one["field"] for one in found["errors"]] == [field]


def test_writers_without_if_match_all_get_through(rest: httpx.Client, server: Server, name: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda number: rest.patch(
                    path("records", name), content=f'{{"n{number}": 1}}', headers=MERGE_PATCH
                ),
                range(40),
            )
        )
    assert {answer.status_code for answer in answers} <= {201, 204}
    assert len(ok(rest.get(path("records", name)))) == 40
    assert sorted(int(answer.headers["etag"][1:-1]) for answer in answers) == list(range(1, 41))
