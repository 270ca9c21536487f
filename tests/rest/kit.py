"""Users in a server's database, and clients of its REST API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from tests.servers import Server

PROBLEM = "application/problem+json"


def token_of(name: str) -> str:
    """The token of a user that ``add_user`` made."""
    return f"token-of-{name}"


def add_user(server: Server, name: str, group: str | None, *, is_staff: bool = True) -> None:
    """Make a user of ``group``, None: who may everything; with a token, and the password ``name``."""
    server.sql(
        "INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name, last_name,"
        " email, date_joined) VALUES (?, ?, ?, ?, 1, '', '', '', '2026-01-01')",
        name,
        "!",
        group is None,
        is_staff,
    )
    server.sql(
        "INSERT INTO authtoken_token (key, created, user_id)"
        " SELECT ?, '2026-01-01', id FROM auth_user WHERE username = ?",
        token_of(name),
        name,
    )
    if group is not None:
        server.sql(
            "INSERT INTO auth_user_groups (user_id, group_id)"
            " SELECT auth_user.id, auth_group.id FROM auth_user, auth_group WHERE username = ? AND name = ?",
            name,
            group,
        )


def as_user(server: Server, name: str) -> httpx.Client:
    """A client of the REST API with the token of ``name``; close it."""
    headers = {"authorization": f"Token {token_of(name)}"}
    return httpx.Client(base_url=f"{server.http_url}/rest/v1", headers=headers, timeout=20)


def path(collection: str, name: str) -> str:
    """The address of ``name``, with everything in it percent-encoded."""
    return f"/{collection}/{quote(name, safe='')}"


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem details that ``response`` must be."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    found: dict[str, Any] = response.json()
    assert found["status"] == status
    assert found["title"]
    assert found["detail"]
    assert found["type"] == "about:blank" or found["type"].startswith("urn:deepstream:")
    return found


def ok(response: httpx.Response, status: int = 200) -> Any:
    """The JSON that ``response`` must be; None if it has no body."""
    assert response.status_code == status, response.text
    if not response.content:
        return None
    assert response.headers["content-type"] == "application/json"
    return response.json()
