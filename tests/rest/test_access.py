"""Who may do what over REST, what is written down of it, and how often one may ask."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.cache import cache
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from rest_framework.authtoken.models import Token
from rest_framework.throttling import SimpleRateThrottle

from accounts import roles
from accounts.roles import GROUPS, make_groups
from cluster import announce
from cluster.operations import OperationError, Outcome
from records.models import Record
from rest.names import encoded
from tests.rest.kit import PROBLEM

pytestmark = pytest.mark.django_db


class Asked:
    """Stands in for the live server: takes everything and says what tests want it to say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stored: dict[str, announce.Record] = {}
        self.calls: list[tuple[Any, ...]] = []
        for name in ("read", "write", "erase", "delete", "emit", "call", "perform", "perform_everywhere"):
            monkeypatch.setattr(announce, name, getattr(self, name))

    def read(self, name: str) -> announce.Record | None:
        return self.stored.get(name)

    def write(self, name: str, data: Any, **options: Any) -> None:
        self.calls.append(("write", name, options["author"]))
        self.stored[name] = announce.Record(name, options["version"], data)

    def erase(self, name: str, path: str, **options: Any) -> None:
        self.calls.append(("erase", name, options["author"]))

    def delete(self, name: str, *, author: str) -> None:
        self.calls.append(("delete", name, author))
        del self.stored[name]

    def emit(self, name: str, data: Any) -> None:
        self.calls.append(("emit", name))

    def call(self, name: str, data: Any, *, timeout: float) -> Any:
        self.calls.append(("call", name))
        return data

    def perform(self, operation: str, *, node: str | None = None, **arguments: Any) -> Any:
        self.calls.append((operation, arguments))
        return {"verdict": "ALLOWED"}

    def perform_everywhere(self, operation: str, *, timeout: float, **arguments: Any) -> dict[str, Outcome]:
        self.calls.append((operation, arguments))
        answers = {"clients.list": {"clients": []}, "clients.disconnect": {"closed": 2}}
        names = {"names": [], "total": 0, "complete": True}
        return {
            "one": Outcome(answers.get(operation, names)),
            "two": Outcome(error=OperationError("timeout", "No answer within 5 s.")),
        }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """A server that takes everything, and no limits of requests."""
    cache.clear()
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", dict.fromkeys(("user", "anon", "login")))
    return Asked(monkeypatch)


def user_in(group: str | None, **options: Any) -> User:
    make_groups(apps)
    user = User.objects.create_user(f"of {group}", password="a password", **{"is_staff": True, **options})
    if group is not None:
        user.groups.add(Group.objects.get(name=group))
    return user


def client_of(user: User) -> Client:
    token, _ = Token.objects.get_or_create(user=user)
    return Client(headers={"authorization": f"Token {token.key}"})


def ask(client: Client, method: str, path: str, body: Any = None) -> Any:
    data = b"" if body is None else json.dumps(body)
    return client.generic(method, f"/rest/v1/{path}", data, content_type="application/json")


ACTS = {
    ("GET", "records/", None): roles.VIEW_RECORDS,
    ("GET", "records/there", None): roles.VIEW_RECORDS,
    ("HEAD", "records/there", None): roles.VIEW_RECORDS,
    ("GET", "history/there", None): roles.VIEW_RECORDS,
    ("GET", "past/there?version=1", None): roles.VIEW_RECORDS,
    ("PUT", "records/there", "{}"): roles.CHANGE_RECORDS,
    ("PATCH", "records/there", '{"path": "a", "value": 1}'): roles.CHANGE_RECORDS,
    ("DELETE", "records/there", None): roles.DELETE_RECORDS,
    ("GET", "events/", None): roles.VIEW_LIVE,
    ("POST", "events/news", "1"): roles.EMIT_EVENTS,
    ("GET", "rpc/", None): roles.VIEW_LIVE,
    ("POST", "rpc/add", "1"): roles.MAKE_CALLS,
    ("GET", "presence/", None): roles.VIEW_LIVE,
    ("GET", "presence/ann", None): roles.VIEW_LIVE,
    ("GET", "clients/", None): roles.VIEW_LIVE,
    ("DELETE", "clients/?user=ann", None): roles.DISCONNECT_CLIENTS,
    ("GET", "clients/1@one", None): roles.VIEW_LIVE,
    ("DELETE", "clients/1@one", None): roles.DISCONNECT_CLIENTS,
    ("GET", "nodes/", None): roles.VIEW_LIVE,
    ("GET", "metrics/", None): roles.VIEW_LIVE,
    ("GET", "rules/", None): roles.VIEW_RULES,
    ("POST", "rules/", '{"source": ""}'): roles.EDIT_RULES,
    ("GET", "rules/active/", None): roles.VIEW_RULES,
    ("GET", "rules/1/", None): roles.VIEW_RULES,
    ("POST", "rules/validate/", '{"source": ""}'): roles.VIEW_RULES,
    ("POST", "rules/1/activate/", None): roles.ACTIVATE_RULES,
    ("POST", "rules/1/rollback/", None): roles.ACTIVATE_RULES,
    ("POST", "rules/explain/", '{"action": "record.read", "name": "x"}'): roles.VIEW_RULES,
}
"""Every request there is to be permitted, and the permission for it."""


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_may_do_what_its_permissions_say_and_nothing_else(group: str, asked: Asked) -> None:
    client = client_of(user_in(group))
    for (method, path, body), permission in ACTS.items():
        asked.stored["there"] = announce.Record("there", 1, {})
        asked.calls.clear()
        answer = ask(client, method, path, None if body is None else json.loads(body))
        if permission in GROUPS[group]:
            assert answer.status_code != 403, (method, path)
        else:
            assert answer.status_code == 403, (method, path)
            assert permission in answer.content.decode() or method == "HEAD"
            assert asked.calls == []


def test_the_list_of_acts_has_every_endpoint() -> None:
    described = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    there = {(method.upper(), path) for path, methods in described.items() for method in methods}
    tails = {
        "there": "{name}",
        "news": "{name}",
        "add": "{name}",
        "ann": "{name}",
        "1@one": "{id}",
        "1": "{number}",
    }
    listed = {
        (method, "/rest/v1/" + "/".join(tails.get(part, part) for part in path.partition("?")[0].split("/")))
        for method, path, _ in ACTS
        if method != "HEAD"
    }
    open_to_staff = {("GET", "/rest/v1/me/"), ("POST", "/rest/v1/token/"), ("DELETE", "/rest/v1/token/")}
    assert listed | open_to_staff == there


def test_who_may_change_but_not_create_records_creates_none(asked: Asked) -> None:
    user = user_in(None)
    user.user_permissions.add(Permission.objects.get(codename="change_record"))
    asked.stored["there"] = announce.Record("there", 1, {})
    assert ask(client_of(user), "PUT", "records/there", {}).status_code == 204
    assert ask(client_of(user), "PUT", "records/new", {}).status_code == 403
    assert "new" not in asked.stored


@pytest.mark.parametrize("path", ["records/", "records/x", "me/", "schema/"])
def test_who_does_not_say_who_it_is_is_asked_to(path: str, client: Client) -> None:
    answer = client.get(f"/rest/v1/{path}")
    assert (answer.status_code, answer["www-authenticate"], answer["content-type"]) == (401, "Token", PROBLEM)
    wrong = client.get(f"/rest/v1/{path}", headers={"authorization": "Token wrong"})
    assert (wrong.status_code, wrong["content-type"]) == (401, PROBLEM)


def test_only_staff_that_is_active_gets_in() -> None:
    user = user_in("administrator")
    client = client_of(user)
    assert client.get("/rest/v1/me/").status_code == 200
    user.is_staff = False
    user.save()
    answer = client.get("/rest/v1/me/")
    assert (answer.status_code, answer.json()["detail"]) == (403, "Only staff may use this API.")
    user.is_staff, user.is_active = True, False
    user.save()
    assert client.get("/rest/v1/me/").status_code == 401


def test_a_session_will_do_but_a_write_needs_its_csrf_token(asked: Asked) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user_in("operator"))
    assert client.get("/rest/v1/me/").status_code == 200
    answer = ask(client, "POST", "events/news", 1)
    assert (answer.status_code, answer["content-type"]) == (403, PROBLEM)
    assert "CSRF" in answer.json()["detail"]
    assert asked.calls == []
    client.get("/admin/")  # sets no cookie by itself: the page's form does
    client.get("/admin/password_change/")
    token = client.cookies["csrftoken"].value
    answer = client.post(
        "/rest/v1/events/news", b"1", content_type="application/json", headers={"x-csrftoken": token}
    )
    assert answer.status_code == 204


def test_a_token_is_got_by_password_stays_the_same_and_is_revoked(asked: Asked, client: Client) -> None:
    user = user_in("viewer")
    login = {"username": user.username, "password": "a password"}
    answer = ask(client, "POST", "token/", login)
    token = answer.json()["token"]
    assert ask(client, "POST", "token/", login).json() == {"token": token}
    mine = Client(headers={"authorization": f"Token {token}"})
    assert mine.get("/rest/v1/me/").json()["groups"] == ["viewer"]
    assert mine.delete("/rest/v1/token/").status_code == 204
    assert mine.get("/rest/v1/me/").status_code == 401
    assert [entry.action_flag for entry in LogEntry.objects.filter(user=user)] == [DELETION, ADDITION]


def test_no_token_for_a_wrong_password_nor_for_who_is_not_staff(asked: Asked, client: Client) -> None:
    user = user_in(None, is_staff=False)
    for password in ("a password", "another"):
        answer = ask(client, "POST", "token/", {"username": user.username, "password": password})
        assert answer.status_code == 403
    assert ask(client, "POST", "token/", {"username": user.username}).status_code == 400
    assert not Token.objects.exists()


# What is written down


@pytest.mark.parametrize("name", ["orders/17", "<script>alert('x')</script>", "q\"uo'te", "🦜" * 300])
def test_every_write_is_in_the_admin_log(name: str, asked: Asked) -> None:
    user = user_in("operator")
    client, tail = client_of(user), encoded(name)
    row = Record.objects.create(name=name)
    acts: list[tuple[str, str, Any, int]] = [
        ("PUT", f"records/{tail}", {}, ADDITION),
        ("PUT", f"records/{tail}", [], CHANGE),
        ("PATCH", f"records/{tail}", {"path": "a", "value": 1}, CHANGE),
        ("PATCH", f"records/{tail}", {"path": "a", "erase": True}, CHANGE),
        ("DELETE", f"records/{tail}", None, DELETION),
        ("POST", f"events/{tail}", None, CHANGE),
        ("POST", f"rpc/{tail}", None, CHANGE),
        ("DELETE", f"clients/?user={tail}", None, DELETION),
    ]
    for method, path, body, flag in acts:
        answer = ask(client, method, path, body)
        assert answer.status_code < 300, (method, path, answer.content)
        entry = LogEntry.objects.latest("id")
        assert (entry.user, entry.action_flag, entry.object_repr) == (user, flag, name[:200])
        assert "through the REST API" in entry.get_change_message()
        if path.startswith("records/"):
            assert (entry.content_type.model, entry.object_id) == ("record", str(row.pk))
    assert LogEntry.objects.count() == len(acts)
    assert {call[2] for call in asked.calls if call[0] in ("write", "erase", "delete")} == {user.username}


def test_reading_and_what_was_refused_are_not_in_the_log(asked: Asked) -> None:
    client = client_of(user_in("viewer"))
    for (method, path, body), permission in ACTS.items():
        if permission not in GROUPS["viewer"] or method == "GET":
            ask(client, method, path, None if body is None else json.loads(body))
    assert not LogEntry.objects.exists()


def test_rule_sets_are_in_the_log_too(asked: Asked) -> None:
    client = client_of(user_in("rule editor"))
    number = ask(client, "POST", "rules/", {"source": "{}"}).json()["number"]
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.content_type.model, entry.object_id) == (
        ADDITION,
        "rulesetversion",
        str(number),
    )


# Errors


def test_what_there_is_not_is_a_problem_whatever_the_method(client: Client) -> None:
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        answer = ask(client, method, "nothing/here")
        assert (answer.status_code, answer["content-type"]) == (404, PROBLEM)
        assert "/rest/v1/docs/" in answer.json()["detail"]


def test_a_collection_without_its_slash_is_redirected_with_method_and_query(client: Client) -> None:
    for method in ("GET", "POST"):
        answer = ask(client, method, "records?prefix=a%2Fb")
        assert (answer.status_code, answer["location"]) == (308, "/rest/v1/records/?prefix=a%2Fb")


def test_a_method_that_there_is_not_is_a_problem_that_names_those_there_are(asked: Asked) -> None:
    answer = ask(client_of(user_in("administrator")), "POST", "records/x")
    assert (answer.status_code, answer["content-type"], answer["allow"]) == (
        405,
        PROBLEM,
        "GET, HEAD, PUT, PATCH, DELETE",
    )


def test_an_answer_in_another_format_is_not_to_be_had(asked: Asked) -> None:
    answer = client_of(user_in("viewer")).get("/rest/v1/me/", headers={"accept": "text/csv"})
    assert (answer.status_code, answer["content-type"]) == (406, PROBLEM)


def test_a_fault_is_a_problem_that_shows_nothing_of_the_server(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(name: str) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(announce, "read", fail)
    answer = ask(client_of(user_in("viewer")), "GET", "records/x")
    assert (answer.status_code, answer["content-type"]) == (500, PROBLEM)
    assert "secret" not in answer.content.decode()
    assert "a secret" in caplog.text


def test_without_a_server_the_problem_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(user_in("operator"))
    answer = ask(client, "POST", "events/news", 1)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:deepstream:no-server")
    assert "REDIS_URL" in answer.json()["detail"]
    assert not LogEntry.objects.exists()


def test_a_node_that_does_not_answer_is_named(asked: Asked) -> None:
    answer = ask(client_of(user_in("viewer")), "GET", "presence/")
    assert answer.json()["unanswered"] == [
        {"node": "two", "code": "timeout", "detail": "No answer within 5 s."}
    ]
    assert answer.json()["complete"] is False


# How often


@pytest.mark.parametrize(
    ("scope", "path"), [("user", "me/"), ("login", "token/")], ids=["requests", "logins"]
)
def test_who_asks_too_often_is_told_when_to_ask_again(
    scope: str, path: str, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = user_in("viewer")
    rates: dict[str, str | None] = {"user": None, "anon": None, "login": None, scope: "3/min"}
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", rates)
    client = client_of(user) if scope == "user" else Client(REMOTE_ADDR="192.0.2.7")
    login = {"username": user.username, "password": "wrong"}

    def once() -> Any:
        return client.get(f"/rest/v1/{path}") if scope == "user" else ask(client, "POST", path, login)

    assert all(once().status_code != 429 for _ in range(3))
    answer = once()
    assert (answer.status_code, answer["content-type"]) == (429, PROBLEM)
    assert 0 < int(answer["retry-after"]) <= 60


# The page


def test_the_page_shows_the_description_with_files_of_this_server(asked: Asked) -> None:
    client = Client()
    client.force_login(user_in("viewer"))
    page = client.get("/rest/v1/docs/")
    assert page.status_code == 200
    assert "/static/drf_spectacular_sidecar/" in page.content.decode()
    assert "https://" not in page.content.decode()


def test_the_page_asks_who_is_nobody_to_log_in(client: Client) -> None:
    answer = client.get("/rest/v1/docs/")
    assert (answer.status_code, answer["location"]) == (302, "/admin/login/?next=/rest/v1/docs/")
