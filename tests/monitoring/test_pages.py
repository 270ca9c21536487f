"""The operators' pages as Django serves them: who may see and do what, and names of every kind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from accounts.journal import write_down
from cluster import announce
from cluster.operations import OperationError, Outcome
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RpcAction, Topic
from tests.monitoring.conftest import NODE, LiveNode

LISTS = ("index", "clients", "events", "rpc", "presence", "listening")
NASTY = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\"'`{{7*7}}{% now %}",
    "a/b//c/../d?x=1&y=2#z%2F%00",
    "ünï–ⓒ😀\u202e",
    "n" * 1024,
)

AsUser = Callable[..., Client]


def page(kind: str, **query: Any) -> str:
    return reverse(f"admin:{kind}") + (f"?{urlencode(query)}" if query else "")


def data_of(html: str) -> Any:
    """What the page tells its script."""
    found = re.search(r'<script id="page-data" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


# Who gets in


@pytest.mark.parametrize("name", LISTS)
def test_who_is_no_staff_is_sent_to_the_login(as_user: AsUser, name: str) -> None:
    for client in (Client(), as_user(None, staff=False)):
        answer = client.get(page(name))
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("name", LISTS[1:])
def test_staff_without_the_permission_is_refused(as_user: AsUser, name: str) -> None:
    assert as_user(None).get(page(name)).status_code == 403


def test_staff_without_the_permission_gets_the_plain_index(as_user: AsUser) -> None:
    answer = as_user(None).get("/admin/")
    assert answer.status_code == 200
    assert "page-data" not in answer.content.decode()


@pytest.mark.parametrize("name", LISTS)
def test_a_viewer_sees_every_page(as_user: AsUser, live: LiveNode, name: str) -> None:
    answer = as_user("viewer").get(page(name))
    assert answer.status_code == 200
    assert '<p class="ds-lead">' in answer.content.decode(), "what the page is about"
    data = data_of(answer.content.decode())
    assert data["problem"] == ""
    assert data["snapshot"]


def test_the_sidebar_shows_what_the_user_may_see_and_no_more(as_user: AsUser, live: LiveNode) -> None:
    viewer = as_user("viewer").get("/admin/").content.decode()
    assert page("clients") in viewer
    assert "/admin/auth/user/" not in viewer
    nobody = as_user(None, name="ned").get("/admin/").content.decode()
    assert page("clients") not in nobody
    administrator = as_user("administrator", name="adm").get("/admin/").content.decode()
    assert "/admin/auth/user/" in administrator
    assert "/admin/admin/logentry/" in administrator


# What they show


def test_the_dashboard_begins_with_history_and_status(as_user: AsUser, live: LiveNode) -> None:
    snapshot = data_of(as_user("viewer").get("/admin/").content.decode())["snapshot"]
    assert snapshot["history"]["nodes"][NODE]["points"]
    assert snapshot["status"]["nodes"][NODE]["version"]


def test_clients_are_searched_and_one_is_shown(as_user: AsUser, live: LiveNode) -> None:
    peer = live.login("bob")
    live.login("carol")
    viewer = as_user("viewer")
    found = data_of(viewer.get(page("clients", q="BO")).content.decode())["snapshot"]["clients"]
    assert [row["user"] for row in found["nodes"][NODE]["clients"]] == ["bob"]
    one = viewer.get(page("client", node=NODE, client=peer.connection.id))
    assert data_of(one.content.decode())["snapshot"]["nodes"][NODE]["user"] == "bob"


def test_a_client_that_left_and_a_node_that_is_none_are_told(as_user: AsUser, live: LiveNode) -> None:
    viewer = as_user("viewer")
    for node in (NODE, "<nowhere>"):
        answer = viewer.get(page("client", node=node, client=10**9))
        assert answer.status_code == 200
        assert list(data_of(answer.content.decode())["snapshot"]["failed"]) == [node]


@pytest.mark.parametrize("query", ["", "?client=x&node=one", "?node=one"])
def test_a_page_of_no_client_is_not_found(as_user: AsUser, live: LiveNode, query: str) -> None:
    assert as_user("viewer").get(page("client") + query).status_code == 404


@pytest.mark.parametrize("name", NASTY)
def test_names_of_every_kind_are_shown_as_they_are_and_do_nothing(
    as_user: AsUser, live: LiveNode, name: str
) -> None:
    peer = live.login(name)

    async def subscribe() -> None:
        peer.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=[name]))
        peer.send(Message(Topic.RPC, RpcAction.PROVIDE, names=[name]))
        peer.send(Message(Topic.EVENT, EventAction.LISTEN, name="^" + re.escape(name)[:1000]))

    live.run(subscribe())
    administrator = as_user("administrator")
    for kind in LISTS[1:]:
        answer = administrator.get(page(kind, q=name, user=name, name=name))
        assert answer.status_code == 200
        html = answer.content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert escape(name) in re.findall(r'value="([^"]*)"', html)
    shown = data_of(administrator.get(page("presence", q=name)).content.decode())["snapshot"]
    assert [row["name"] for row in shown["nodes"][NODE]["names"]] == [name]


def test_without_a_server_the_pages_say_what_is_missing(as_user: AsUser) -> None:
    viewer = as_user("viewer")
    for name in LISTS:
        answer = viewer.get(page(name))
        assert answer.status_code == 200
        assert "REDIS_URL" in answer.content.decode()


def test_a_node_that_does_not_answer_is_told_beside_those_that_do(
    as_user: AsUser, live: LiveNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(operation: str, **_: Any) -> dict[str, Outcome]:
        return {
            NODE: Outcome({"total": 0, "complete": True, "names": []}),
            "two": Outcome(error=OperationError("timeout", "No answer within 3 s.")),
        }

    monkeypatch.setattr(announce, "perform_everywhere", answers)
    snapshot = data_of(as_user("viewer").get(page("events")).content.decode())["snapshot"]
    assert list(snapshot["nodes"]) == [NODE]
    assert snapshot["failed"] == {"two": "No answer within 3 s."}


# What can be done


def test_an_operator_disconnects_a_client_and_the_journal_has_it(as_user: AsUser, live: LiveNode) -> None:
    peer = live.login("bob")
    form = {"node": NODE, "client": peer.connection.id, "reason": "enough"}
    answer = as_user("operator").post(page("disconnect"), form, follow=True)
    assert peer.transport.closed == (1008, "enough")
    assert "was disconnected" in answer.content.decode()
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_repr) == ("ann", f"client {peer.connection.id} at {NODE}")
    assert "enough" in entry.change_message


@pytest.mark.parametrize("name", NASTY)
def test_a_user_of_any_name_is_disconnected_everywhere(as_user: AsUser, live: LiveNode, name: str) -> None:
    peers = [live.login(name), live.login(name)]
    answer = as_user("operator").post(page("disconnect"), {"user": name}, follow=True)
    assert [peer.transport.closed for peer in peers] == [(1008, "disconnected by an operator")] * 2
    assert "2 connections of" in answer.content.decode()
    assert LogEntry.objects.get().object_repr == f"user {name}"[:200]


def test_a_client_that_is_gone_cannot_be_disconnected_and_that_is_told(
    as_user: AsUser, live: LiveNode
) -> None:
    for form in ({"node": NODE, "client": "12345"}, {"node": NODE, "client": "x"}, {}):
        answer = as_user("operator", name=f"op{len(form)}{form.get('client')}").post(
            page("disconnect"), form, follow=True
        )
        assert "Nobody was disconnected" in answer.content.decode()
    assert not LogEntry.objects.exists()


def test_a_viewer_can_do_none_of_it(as_user: AsUser, live: LiveNode) -> None:
    peer, viewer = live.login("bob"), as_user("viewer")
    assert viewer.post(page("disconnect"), {"user": "bob"}).status_code == 403
    assert viewer.post(page("events"), {"name": "news"}).status_code == 403
    assert viewer.post(page("rpc"), {"name": "add"}).status_code == 403
    assert peer.transport.closed is None
    for name in ("events", "rpc"):
        assert b'id="send"' not in viewer.get(page(name)).content


def test_nothing_is_done_by_get_or_without_the_csrf_token(as_user: AsUser, live: LiveNode) -> None:
    peer = live.login("bob")
    operator = as_user("operator", enforce_csrf_checks=True)
    assert operator.get(page("disconnect", user="bob")).status_code == 405
    assert operator.post(page("disconnect"), {"user": "bob"}).status_code == 403
    assert operator.post(page("events"), {"name": "news"}).status_code == 403
    assert operator.post(page("rpc"), {"name": "add"}).status_code == 403
    assert peer.transport.closed is None
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("name", NASTY)
def test_an_event_of_any_name_is_emitted_and_the_journal_has_it(
    as_user: AsUser, live: LiveNode, name: str
) -> None:
    peer = live.login("bob")

    async def subscribe() -> None:
        peer.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=[name]))
        peer.take()

    async def received() -> Message:
        return await peer.next()

    live.run(subscribe())
    answer = as_user("operator").post(page("events"), {"name": name, "data": '{"a": "<b>"}'})
    assert answer.status_code == 200
    message = live.run(received())
    assert (message.name, message.value()) == (name, {"a": "<b>"})
    assert LogEntry.objects.get().object_repr == name[:200].replace("\0", "␀")


def test_a_call_is_answered_on_the_page(as_user: AsUser, live: LiveNode) -> None:
    peer = live.login("calculator")

    async def answer() -> Any:
        peer.send(Message(Topic.RPC, RpcAction.PROVIDE, names=["add"]))
        while (request := await peer.next()).action != RpcAction.REQUEST:
            pass
        about = {"name": "add", "correlation_id": request.correlation_id}
        peer.send(Message(Topic.RPC, RpcAction.ACCEPT, **about))
        peer.send(Message(Topic.RPC, RpcAction.RESPONSE, data='"<i>3</i>"', **about))
        return request.value()

    asked = live.start(answer())
    operator = as_user("operator")
    for _ in range(100):  # until it is provided
        html = operator.post(page("rpc"), {"name": "add", "data": "[1, 2]"}).content.decode()
        if "answered" in html:
            break
    assert asked() == [1, 2]
    assert "&quot;&lt;i&gt;3&lt;/i&gt;&quot;" in html
    assert set(LogEntry.objects.values_list("object_repr", flat=True)) == {"add"}


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"name": "", "data": "1"}, "Give a name."),
        ({"name": "news", "data": "{"}, "The data is no JSON"),
        ({"name": "news", "data": "NaN"}, "The data is no JSON"),
    ],
)
def test_what_cannot_be_sent_is_shown_again_with_the_reason(
    as_user: AsUser, live: LiveNode, form: dict[str, str], why: str
) -> None:
    html = as_user("operator").post(page("events"), form).content.decode()
    assert why in html
    assert not LogEntry.objects.exists()


def test_a_call_without_a_provider_says_so(as_user: AsUser, live: LiveNode) -> None:
    html = as_user("operator").post(page("rpc"), {"name": "none"}).content.decode()
    assert 'role="alert"' in html
    assert "none" in html


# The journal


def test_the_journal_says_who_did_what_when_and_in_which_zone(as_user: AsUser, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    administrator = as_user("administrator")
    ann = User.objects.get()
    write_down(ann, CHANGE, "orders/<b>", "Wrote version 7.")
    administrator.post(f"/admin/auth/group/{Group.objects.earliest('pk').pk}/change/", {"name": "guests"})
    page = administrator.get("/admin/admin/logentry/").content.decode()
    for said in ("Wrote version 7.", "orders/&lt;b&gt;", "Changed Name and Permissions.", " JST"):
        assert said in page
    for heading in ("When", "Who", "Kind", "About", "What was done"):
        assert heading in page


def test_the_journal_is_read_by_administrators_and_written_by_nobody(as_user: AsUser) -> None:
    administrator = as_user("administrator")
    assert administrator.get("/admin/admin/logentry/").status_code == 200
    assert administrator.get("/admin/admin/logentry/add/").status_code == 403
    assert as_user("operator", name="op").get("/admin/admin/logentry/").status_code == 403
