"""Rules over REST, at a live server that takes them from the database."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from tests.raw_client import RawClient
from tests.rest.kit import ok, problem
from tests.rest.test_live import sent
from tests.servers import Server

OPEN = """
record: {"*": {create: true, read: true, write: true, delete: true, listen: true, notify: true}}
event: {"*": {publish: true, subscribe: true, listen: true}}
rpc: {"*": {provide: true, request: true}}
presence: {"*": {allow: true}}
"""
CLOSED_EVENTS = OPEN.replace("subscribe: true", "subscribe: \"name !== 'closed'\"")
BROKEN = OPEN.replace("publish: true", 'publish: "user.id ==="')


def keep(rest: httpx.Client, source: str, comment: str = "") -> dict[str, Any]:
    """Keep rules as a draft."""
    found: dict[str, Any] = ok(rest.post("/rules/", json={"source": source, "comment": comment}), 201)
    return found


def activate(rest: httpx.Client, source: str) -> dict[str, Any]:
    """Put rules in force."""
    found: dict[str, Any] = ok(rest.post(f"/rules/{keep(rest, source)['number']}/activate/", json={}))
    return found


def test_a_draft_is_kept_listed_and_read(rest: httpx.Client) -> None:
    draft = keep(rest, OPEN, "everything")
    assert (draft["state"], draft["author"], draft["comment"], draft["problems"]) == (
        "draft",
        "root",
        "everything",
        [],
    )
    assert ok(rest.get(f"/rules/{draft['number']}/"))["source"] == OPEN
    first = ok(rest.get("/rules/", params={"limit": 1}))["results"][0]
    assert first["number"] == draft["number"]
    assert "source" not in first


def test_what_is_wrong_with_rules_is_said_with_its_line(rest: httpx.Client) -> None:
    assert ok(rest.post("/rules/validate/", json={"source": OPEN})) == {"valid": True, "problems": []}
    found = ok(rest.post("/rules/validate/", json={"source": BROKEN}))
    assert found["valid"] is False
    (wrong,) = found["problems"]
    assert (wrong["section"], wrong["path"], wrong["rule_type"], wrong["source_line"]) == (
        "event",
        "*",
        "publish",
        3,
    )


def test_rules_with_errors_are_kept_but_not_activated(rest: httpx.Client) -> None:
    draft = keep(rest, BROKEN)
    assert draft["problems"][0]["source_line"] == 3
    refused = problem(rest.post(f"/rules/{draft['number']}/activate/"), 422)
    assert refused["type"] == "urn:deepstream:invalid-rules"
    assert refused["problems"][0]["source_line"] == 3


async def test_activation_takes_away_what_the_new_rules_refuse_and_roll_back_gives_it_back(
    rest: httpx.Client, server: Server
) -> None:
    before = await _activated(rest, OPEN)
    async with RawClient.connect(server.url) as client:
        await client.login()
        await client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["closed", "open"]))
        await client.expect(action=EventAction.SUBSCRIBE, is_ack=True)
        closed = await _activated(rest, CLOSED_EVENTS)
        assert (closed["state"], closed["activated_by"]) == ("active", "root")
        await client.expect(topic=Topic.EVENT, action=EventAction.MESSAGE_DENIED, name="closed")
        assert ok(await sent(rest.get, "/rules/active/"))["number"] == closed["number"]
        assert ok(await sent(rest.get, f"/rules/{before['number']}/"))["state"] == "past"
        again = ok(await sent(rest.post, f"/rules/{before['number']}/rollback/", json={"comment": "no"}))
        assert (again["came_from"], again["source"], again["comment"]) == (before["number"], OPEN, "no")
        await _until_in_force(rest, "event.subscribe", "closed", "ALLOWED")
        await client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["closed"]))
        await client.expect(action=EventAction.SUBSCRIBE, is_ack=True)


async def _activated(rest: httpx.Client, source: str) -> dict[str, Any]:
    draft = ok(await sent(rest.post, "/rules/", json={"source": source}), 201)
    found: dict[str, Any] = ok(await sent(rest.post, f"/rules/{draft['number']}/activate/"))
    return found


async def _until_in_force(rest: httpx.Client, action: str, name: str, verdict: str) -> None:
    """Ask until the node has taken over what was activated."""
    question = {"action": action, "name": name}
    async with asyncio.timeout(10):
        while ok(await sent(rest.post, "/rules/explain/", json=question))["verdict"] != verdict:
            pass


def test_only_a_draft_is_activated_and_only_what_was_in_force_is_brought_back(rest: httpx.Client) -> None:
    draft = keep(rest, OPEN)
    assert "activate it" in problem(rest.post(f"/rules/{draft['number']}/rollback/"), 409)["detail"]
    ok(rest.post(f"/rules/{draft['number']}/activate/"))
    assert "active already" in problem(rest.post(f"/rules/{draft['number']}/activate/"), 409)["detail"]
    for way in ("", "activate/", "rollback/"):
        for number in ("999999", "99999999999999999999"):
            method = "POST" if way else "GET"
            problem(rest.request(method, f"/rules/{number}/{way}"), 404)


def test_why_something_is_refused_is_explained(rest: httpx.Client) -> None:
    question = {"action": "event.subscribe", "name": "closed", "user": "ann", "source": CLOSED_EVENTS}
    found = ok(rest.post("/rules/explain/", json=question))
    assert (found["verdict"], found["names"][0]["rules"][0]["expression"]) == ("REFUSED", "name !== 'closed'")
    found = ok(rest.post("/rules/explain/", json=question | {"name": "<script>\"'/ü"}))
    assert found["verdict"] == "ALLOWED"


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ({"action": "event.dance", "name": "x"}, "action"),
        ({"action": "event.publish"}, "name"),
        ({"action": "event.publish", "name": 5}, "name"),
        ({"action": "record.patch", "name": "x"}, "path"),
        ({"action": "event.publish", "name": "x", "source": "record: 5"}, "errors"),
        ([], "dictionary"),
    ],
    ids=str,
)
def test_a_question_that_is_none_is_refused_with_a_reason(
    rest: httpx.Client, question: Any, reason: str
) -> None:
    assert reason in problem(rest.post("/rules/explain/", json=question), 400)["detail"]


@pytest.mark.parametrize("body", [{}, {"source": 5}, {"source": None}, [], "x"], ids=str)
def test_a_draft_needs_a_source(rest: httpx.Client, body: Any) -> None:
    problem(rest.post("/rules/", json=body), 400)
    problem(rest.post("/rules/validate/", json=body), 400)


@pytest.mark.parametrize("cursor", ["cD14", "x"])
def test_a_made_up_cursor_is_refused(rest: httpx.Client, cursor: str) -> None:
    problem(rest.get("/rules/", params={"cursor": cursor}), 400)
