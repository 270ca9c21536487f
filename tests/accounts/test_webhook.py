"""Strategy ``http`` over a real server, and a web service that is well, slow, down or odd (CONFIG.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.accounts.kit import Asked, WebService, is_accepted, is_refused, login, serving
from tests.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True)

UNAVAILABLE = {"error": "AUTH_RETRY_ATTEMPTS_EXCEEDED"}
ANN = {"username": "ann", "password": "tiger"}


def webhook(url: str, **options: Any) -> list[dict[str, Any]]:
    return [{"type": "http", "options": {"endpointUrl": url, "retryInterval": 1, **options}}]


async def test_it_is_asked_with_the_login_data_and_where_the_client_comes_from(tmp_path: Path) -> None:
    async with WebService(lambda asked: (200, {"id": "ann"})) as service:
        sections = {"auth": webhook(service.url), "endpoint": {"headers": ["X-Told"]}}
        async with serving(tmp_path, **sections) as server:
            headers = {"X-Told": "yes", "X-Secret": "no", "Cookie": "sessionid=no"}
            assert is_accepted(await login(server.url, ANN, additional_headers=headers))
    (asked,) = service.asked
    assert asked.method == "POST"
    assert asked.headers["content-type"] == "application/json"
    question = asked.json()
    assert question["authData"] == ANN
    assert question["connectionData"]["remoteAddress"] == "127.0.0.1"
    assert question["connectionData"]["headers"] == {"x-told": "yes"}


@pytest.mark.parametrize(
    ("body", "client_data"),
    [
        ({"id": "ann", "clientData": {"a": 1}, "serverData": {"role": "boss"}}, {"a": 1}),
        ({"clientData": {"a": 1}}, {"a": 1}),
        ("ann", None),
        ('"ann"', None),
        ("", None),
    ],
    ids=["object", "object without id", "text", "JSON text", "nothing"],
)
async def test_a_permitted_status_lets_in_whatever_the_body(
    tmp_path: Path, body: Any, client_data: Any
) -> None:
    async with WebService(lambda asked: (201, body)) as service:
        auth = webhook(service.url, permittedStatusCodes=[200, 201])
        async with serving(tmp_path, auth=auth) as server:
            assert is_accepted(await login(server.url, ANN), client_data)


async def test_a_token_counts_as_text_only(tmp_path: Path) -> None:
    async with (
        WebService(lambda asked: (200, {"id": 7, "token": {"no": "text"}})) as service,
        serving(tmp_path, auth=webhook(service.url)) as server,
    ):
        assert is_accepted(await login(server.url, ANN))


@pytest.mark.parametrize(
    ("body", "reason"),
    [({"code": 7}, {"code": 7}), ("closed today", {"error": "closed today"}), ("", None), ([1], None)],
    ids=["object", "text", "nothing", "list"],
)
async def test_a_refusal_says_what_the_service_said(tmp_path: Path, body: Any, reason: Any) -> None:
    async with (
        WebService(lambda asked: (403, body)) as service,
        serving(tmp_path, auth=webhook(service.url)) as server,
    ):
        assert is_refused(await login(server.url, ANN), reason)
    assert len(service.asked) == 1


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async with (
        WebService(lambda asked: (200, "eve")) as elsewhere,
        WebService(lambda asked: (307, "moved", {"location": elsewhere.url})) as service,
        serving(tmp_path, auth=webhook(service.url)) as server,
    ):
        assert is_refused(await login(server.url, ANN))
    assert len(service.asked) == 1
    assert elsewhere.asked == []


async def test_it_is_asked_again_after_a_retry_status(tmp_path: Path) -> None:
    statuses = iter([504, 404, 200])
    async with (
        WebService(lambda asked: (next(statuses), "ann")) as service,
        serving(tmp_path, auth=webhook(service.url)) as server,
    ):
        assert is_accepted(await login(server.url, ANN))
    assert len(service.asked) == 3


async def test_it_is_asked_no_more_often_than_allowed(tmp_path: Path) -> None:
    async with (
        WebService(lambda asked: (504, "busy")) as service,
        serving(tmp_path, auth=webhook(service.url, retryAttempts=2)) as server,
    ):
        assert is_refused(await login(server.url, ANN), UNAVAILABLE)
    assert len(service.asked) == 3


async def test_a_service_that_is_down_refuses(tmp_path: Path) -> None:
    auth = webhook(f"http://127.0.0.1:{free_port()}/", retryAttempts=1)
    async with serving(tmp_path, auth=auth) as server:
        assert is_refused(await login(server.url, ANN), UNAVAILABLE)


async def test_a_slow_service_is_asked_again_and_others_log_in_meanwhile(tmp_path: Path) -> None:
    asked_slowly, release = asyncio.Event(), asyncio.Event()

    async def answer(asked: Asked) -> tuple[int, Any]:
        if asked.json()["authData"]["username"] == "slow" and not asked_slowly.is_set():
            asked_slowly.set()
            await release.wait()
        return 200, {"id": "any"}

    async with WebService(answer) as service:
        async with serving(tmp_path, auth=webhook(service.url, requestTimeout=300)) as server:
            slow = asyncio.create_task(login(server.url, {"username": "slow"}))
            await asked_slowly.wait()
            assert is_accepted(await login(server.url, {"username": "quick"}))
            assert not slow.done()
            assert is_accepted(await slow)
        release.set()
    assert len(service.asked) == 3


@pytest.mark.parametrize("status", [200, 403])
async def test_an_endless_answer_is_none(tmp_path: Path, status: int) -> None:
    async with (
        WebService(lambda asked: (status, "x" * 3_000_000)) as service,
        serving(tmp_path, auth=webhook(service.url, retryAttempts=0)) as server,
    ):
        assert is_refused(await login(server.url, ANN), UNAVAILABLE)


async def test_a_page_instead_of_a_reason_is_cut_short(tmp_path: Path) -> None:
    async with (
        WebService(lambda asked: (500, "x" * 300_000)) as service,
        serving(tmp_path, auth=webhook(service.url)) as server,
    ):
        assert is_refused(await login(server.url, ANN), {"error": "x" * 1000})


async def test_login_data_is_sent_as_headers_where_that_is_configured(tmp_path: Path) -> None:
    data = {"token": "abc", "größe": 3, "evil": "a\r\nX-Admin: 1", "list": [1], "other": "no"}
    async with WebService(lambda asked: (200, "ann")) as service:
        auth = webhook(service.url, promoteToHeader=["token", "evil", "list", "missing"])
        async with serving(tmp_path, auth=auth) as server:
            assert is_accepted(await login(server.url, data))
    (asked,) = service.asked
    assert asked.headers["token"] == "abc"
    assert not {"evil", "x-admin", "list", "missing", "other"} & asked.headers.keys()
    assert asked.json()["authData"] == data


async def test_neither_passwords_nor_the_url_are_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with WebService(lambda asked: (504, "busy")) as service:
        auth = webhook(f"{service.url}?key=hush", retryAttempts=0)
        async with serving(tmp_path, auth=auth) as server:
            await login(server.url, {"username": "ann", "password": "sesame"})
    logged = capsys.readouterr().err
    assert "status 504" in logged
    assert "sesame" not in logged
    assert "hush" not in logged
