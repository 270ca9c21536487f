"""Strategy ``django`` over a real server: users, sessions, and users who leave (CONFIG.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.hashers import get_hasher
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from accounts import standing
from accounts.django_user import DjangoUser
from accounts.django_user import user_of as known
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from tests.accounts.kit import Serving, is_accepted, is_refused, login, serving
from tests.accounts.test_file import MISSING
from tests.raw_client import RawClient

pytestmark = pytest.mark.django_db(transaction=True)

DJANGO = {"type": "django"}
ANN = {"username": "ann", "password": "tiger"}
POLICY = 1008


@sync_to_async
def create(name: str = "ann", *, groups: tuple[str, ...] = (), **fields: Any) -> User:
    user = User.objects.create_user(name, password="tiger", **fields)
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return user


@sync_to_async
def browser(user: User) -> Client:
    """A browser in which ``user`` is logged in."""
    client = Client()
    client.force_login(user)
    return client


def cookie_of(client: Client) -> str:
    return "sessionid=" + client.cookies["sessionid"].value


def socket_of(server: Serving, client: Client, origin: str | None = None) -> Any:
    """A WebSocket as that browser opens it from a page of ``origin``."""
    headers = {"Cookie": f"theme=dark; {cookie_of(client)}"} | ({"Origin": origin} if origin else {})
    return RawClient.connect(server.url, additional_headers=headers)


def server_data(server: Serving) -> list[Any]:
    node = server.application.node
    assert node is not None
    return [session.connection.user.server_data for session in node.sessions()]


async def test_a_user_logs_in_with_a_password(tmp_path: Path) -> None:
    user = await create(groups=("sellers", "buyers"), is_staff=True)
    async with serving(tmp_path, auth=[DJANGO]) as server:
        async with RawClient.connect(server.url) as client:
            assert is_accepted(await client.login(ANN))
            assert server_data(server) == [
                {"id": user.pk, "groups": ["buyers", "sellers"], "isStaff": True, "isSuperuser": False}
            ]
        assert is_refused(await login(server.url, ANN | {"password": "wrong"}))
        assert is_refused(await login(server.url, ANN | {"username": "eve"}))
        assert is_refused(await login(server.url, {}), MISSING)


async def test_rules_see_groups_and_the_users_name_as_id(tmp_path: Path) -> None:
    await create(groups=("sellers",))
    rules = {
        "record": {"*": {"read": True}},
        "event": {"*": {"subscribe": "user.data.groups.includes('sellers') && user.id === 'ann'"}},
        "rpc": {"*": {"request": True}},
        "presence": {"*": {"allow": True}},
    }
    permission = {"type": "config", "options": {"permissions": rules}}
    async with (
        serving(tmp_path, auth=[DJANGO], permission=permission) as server,
        RawClient.connect(server.url) as client,
    ):
        await client.login(ANN)
        await client.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["n"], correlation_id="1"))
        await client.expect(topic=Topic.EVENT, action=EventAction.SUBSCRIBE, is_ack=True)


async def test_a_stranger_is_passed_on_and_a_known_user_is_not(tmp_path: Path) -> None:
    await create()
    await create("out", is_active=False)
    async with serving(tmp_path, auth=[DJANGO, {"type": "none"}]) as server:
        assert is_accepted(await login(server.url, {"username": "eve", "password": "x"}))
        assert is_refused(await login(server.url, {"username": "ann", "password": "x"}))
        assert is_refused(await login(server.url, {"username": "out", "password": "tiger"}))


async def test_an_unknown_user_costs_as_much_as_a_wrong_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create()
    hasher = type(get_hasher("default"))
    encode, made = hasher.encode, []
    monkeypatch.setattr(hasher, "encode", lambda *given: made.append(given) or encode(*given))
    async with serving(tmp_path, auth=[DJANGO]) as server:
        for name in ("ann", "nobody"):
            assert is_refused(await login(server.url, {"username": name, "password": "wrong"}))
            assert len(made) == 1
            made.clear()


async def test_a_browser_that_is_logged_in_needs_no_login_data(tmp_path: Path) -> None:
    client = await browser(await create())
    async with serving(tmp_path, auth=[DJANGO]) as server:
        for origin in (None, f"http://{server.host}"):
            async with socket_of(server, client, origin) as socket:
                assert is_accepted(await socket.login())
                (user,) = (one.connection.user for one in server.application.node.sessions())  # type: ignore[union-attr]
                assert user.id == "ann"
                assert user.expires_at is not None, "the session's own end is that of the connection"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://[", "https://sub.example.org:99"])
async def test_pages_of_foreign_origins_do_not_speak_for_the_browsers_user(
    tmp_path: Path, origin: str
) -> None:
    client = await browser(await create())
    async with serving(tmp_path, auth=[DJANGO]) as server:
        headers = {"Cookie": cookie_of(client), "Origin": origin}
        assert is_refused(await login(server.url, {}, additional_headers=headers), MISSING)


async def test_pages_of_trusted_origins_do(tmp_path: Path) -> None:
    client = await browser(await create())
    async with serving(tmp_path, auth=[DJANGO]) as server:
        with override_settings(CSRF_TRUSTED_ORIGINS=["https://*.example.org", "http://app.test"]):
            for origin, is_trusted in (
                ("https://sub.example.org", True),
                ("http://app.test", True),
                ("http://sub.example.org", False),
                ("https://example.org.evil", False),
            ):
                headers = {"Cookie": cookie_of(client), "Origin": origin}
                answer = await login(server.url, {}, additional_headers=headers)
                assert is_accepted(answer) is is_trusted, origin


async def test_a_session_that_is_over_is_no_login(tmp_path: Path) -> None:
    user = await create()
    client = await browser(user)
    user.set_password("lion")
    await sync_to_async(user.save)()
    async with serving(tmp_path, auth=[DJANGO]) as server:
        over = {"error": "The session is over: log in"}
        headers = {"Cookie": cookie_of(client)}
        assert is_refused(await login(server.url, {}, additional_headers=headers), over)
        headers = {"Cookie": "sessionid=0123456789abcdefghijklmnopqrstuv"}
        assert is_refused(await login(server.url, {}, additional_headers=headers), over)
    assert await sync_to_async(client.session.keys)() != [], "to look at a session does not end it"


def execute(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def change_password(user: User) -> None:
    user.set_password("lion")
    user.save()


def demote(user: User) -> None:
    user.is_staff = False
    user.save(update_fields=["is_staff"])


def leave_group(user: User) -> None:
    user.groups.clear()


def empty_group(user: User) -> None:
    user.groups.get().user_set.clear()


def remove_from_group(user: User) -> None:
    user.groups.get().user_set.remove(user)


@pytest.mark.parametrize(
    "change",
    [
        deactivate,
        change_password,
        demote,
        leave_group,
        empty_group,
        remove_from_group,
        lambda user: user.delete(),
    ],
    ids=["deactivated", "password", "staff", "groups", "group emptied", "left the group", "deleted"],
)
async def test_a_user_who_is_changed_loses_the_connections_and_others_keep_theirs(
    tmp_path: Path, change: Callable[[User], object]
) -> None:
    user = await create(groups=("sellers",), is_staff=True)
    await create("bob", groups=("buyers",))
    client = await browser(user)
    async with (
        serving(tmp_path, auth=[DJANGO]) as server,
        RawClient.connect(server.url) as by_password,
        socket_of(server, client) as by_session,
        RawClient.connect(server.url) as other,
    ):
        await by_password.login(ANN)
        await by_session.login()
        await other.login({"username": "bob", "password": "tiger"})
        await sync_to_async(change)(user)
        assert await by_password.closed() == POLICY
        assert await by_session.closed() == POLICY
        await other.quiet()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Users are looked at again without much ado."""
    monkeypatch.setattr(standing, "INTERVAL", 0.05)


@pytest.mark.parametrize(
    "change",
    [
        lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
        lambda user: User.objects.filter(pk=user.pk).update(is_staff=False),
        lambda user: User.objects.filter(pk=user.pk).update(username="annette"),
        lambda user: execute("DELETE FROM auth_user_groups WHERE user_id = %s", user.pk),
        lambda user: execute("UPDATE auth_user SET password = '!' WHERE id = %s", user.pk),
    ],
    ids=["deactivated", "staff", "renamed", "groups", "password"],
)
@pytest.mark.usefixtures("soon")
async def test_a_change_that_nobody_tells_of_is_seen_a_little_later(
    tmp_path: Path, change: Callable[[User], object]
) -> None:
    user = await create(groups=("sellers",), is_staff=True)
    await create("bob", groups=("buyers",))
    async with (
        serving(tmp_path, auth=[DJANGO]) as server,
        RawClient.connect(server.url) as client,
        RawClient.connect(server.url) as other,
    ):
        await client.login(ANN)
        await other.login({"username": "bob", "password": "tiger"})
        await sync_to_async(change)(user)
        assert await client.closed() == POLICY
        await other.quiet()


def looked_at(users: list[DjangoUser]) -> tuple[set[DjangoUser], int]:
    """Who is gone, and how many queries that took."""
    with CaptureQueriesContext(connection) as queries:
        gone = standing.departed(users)
    return gone, len(queries)


@pytest.mark.usefixtures("soon")
async def test_a_session_that_another_process_ends_is_seen_a_little_later(tmp_path: Path) -> None:
    user = await create()
    first, second = await browser(user), await browser(user)
    async with (
        serving(tmp_path, auth=[DJANGO]) as server,
        socket_of(server, first) as ended,
        socket_of(server, second) as other,
        RawClient.connect(server.url) as by_password,
    ):
        await ended.login()
        await other.login()
        await by_password.login(ANN)
        await sync_to_async(Session.objects.filter(pk=first.cookies["sessionid"].value).delete)()
        assert await ended.closed() == POLICY
        await other.quiet()
        await by_password.quiet()


async def test_all_users_are_looked_at_in_a_few_queries() -> None:
    accounts = [await create(f"user{number}", groups=("sellers",)) for number in range(20)]
    users = [await sync_to_async(known)(account) for account in accounts]
    await sync_to_async(User.objects.filter(username="user7").update)(is_active=False)
    await sync_to_async(User.objects.filter(username="user8").delete)()
    gone, queries = await sync_to_async(looked_at)(users)
    assert sorted(str(user.id) for user in gone) == ["user7", "user8"]
    assert queries == 2


@pytest.mark.usefixtures("soon")
async def test_a_database_that_fails_while_users_are_looked_at_closes_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    user = await create()
    looks = iter([OperationalError("the database is gone")])

    def look(users: Any) -> Any:
        for error in looks:
            raise error
        return departed(users)

    departed = standing.departed
    monkeypatch.setattr(standing, "departed", look)
    async with serving(tmp_path, auth=[DJANGO]) as server, RawClient.connect(server.url) as client:
        await client.login(ANN)
        await sync_to_async(User.objects.filter(pk=user.pk).update)(is_active=False)
        assert await client.closed() == POLICY
    assert "The users cannot be looked at: the database is gone" in capsys.readouterr().err


async def test_a_user_who_signs_out_loses_the_connections(tmp_path: Path) -> None:
    client = await browser(await create())
    async with serving(tmp_path, auth=[DJANGO]) as server, socket_of(server, client) as socket:
        await socket.login()
        await sync_to_async(client.logout)()
        assert await socket.closed() == POLICY


async def test_changes_that_mean_nothing_here_close_nobody(tmp_path: Path) -> None:
    user = await create()
    async with serving(tmp_path, auth=[DJANGO]) as server, RawClient.connect(server.url) as client:
        await client.login(ANN)
        await browser(user)  # which saves last_login
        user.email = "ann@example.com"
        await sync_to_async(user.save)()
        await client.quiet()


async def test_a_server_that_stopped_hears_no_changes(tmp_path: Path) -> None:
    user = await create()
    async with serving(tmp_path, auth=[DJANGO]):
        pass
    await sync_to_async(deactivate)(user)
