"""Strategy ``jwt`` over a real server: signed tokens, and the end of the connection at theirs (CONFIG.md)."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from accounts.jwks import COOLDOWN, LIFETIME, JwksUnavailable, KeySet
from tests.accounts.kit import WebService, attempt, is_accepted, is_refused, login, serving
from tests.raw_client import RawClient

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "a secret that is long enough for HS256 to take"
NOT_VALID = {"error": "The token is not valid"}


def strategy(**options: Any) -> dict[str, Any]:
    return {"type": "jwt", "options": {"key": SECRET} | options}


def token(*, key: Any = SECRET, algorithm: str = "HS256", key_id: str | None = None, **claims: Any) -> str:
    headers = {"kid": key_id} if key_id else None
    return jwt.encode({"sub": "ann", **claims}, key, algorithm=algorithm, headers=headers)


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_set(private_key: rsa.RSAPrivateKey, key_id: str) -> dict[str, Any]:
    key = json.loads(RSAAlgorithm.to_jwk(private_key.public_key()))
    return {"keys": [{**key, "kid": key_id, "alg": "RS256", "use": "sig"}]}


async def test_claims_say_who_the_user_is(tmp_path: Path) -> None:
    options = strategy(claims={"id": "email", "clientData": "profile", "serverData": "roles"})
    async with serving(tmp_path, auth=[options]) as server:
        shown = token(email="ann@example.com", profile={"theme": "dark"}, roles=["boss"])
        async with RawClient.connect(server.url) as client:
            success = await client.login({"token": shown})
            assert is_accepted(success, {"theme": "dark"})
            (session,) = server.application.node.sessions()  # type: ignore[union-attr]
            user = session.connection.user
            assert (user.id, user.server_data, user.is_authenticated) == ("ann@example.com", ["boss"], True)


async def test_what_is_no_good_token_is_refused_with_a_reason(tmp_path: Path) -> None:
    async with serving(tmp_path, auth=[strategy()], endpoint={"maxAuthAttempts": 99}) as server:
        unsigned = jwt.encode({"sub": "ann"}, None, algorithm="none")
        head, _, signature = token().split(".")
        forged = base64.urlsafe_b64encode(b'{"sub":"eve"}').decode().rstrip("=")
        for data, reason in (
            ({}, {"error": "missing authentication parameter: token"}),
            ({"token": 7}, {"error": "missing authentication parameter: token"}),
            ({"token": "x"}, NOT_VALID),
            ({"token": unsigned}, NOT_VALID),
            ({"token": f"{head}.{forged}.{signature}"}, NOT_VALID),
            ({"token": token(key="some other secret, also long enough")}, NOT_VALID),
            ({"token": token(key=SECRET * 2, algorithm="HS512")}, NOT_VALID),
            ({"token": token(exp=int(time.time()) - 1)}, {"error": "The token has expired"}),
            ({"token": token(nbf=int(time.time()) + 60)}, {"error": "The token is not valid yet"}),
            ({"token": token(sub="")}, {"error": "The token has no claim sub"}),
            ({"token": token(exp="never")}, NOT_VALID),
        ):
            assert is_refused(await login(server.url, data), reason), data


async def test_audience_and_issuer_must_be_right_where_they_are_configured(tmp_path: Path) -> None:
    async with serving(tmp_path, auth=[strategy(audience=["here", "there"], issuer="us")]) as server:
        assert is_accepted(await login(server.url, {"token": token(aud="there", iss="us")}))
        for wrong in ({}, {"aud": "elsewhere", "iss": "us"}, {"aud": "here", "iss": "them"}):
            answer = await login(server.url, {"token": token(**wrong)})
            assert "The token is not for this server" in (answer.data or "")


async def test_a_token_of_another_issuer_is_passed_on_and_an_expired_one_is_not(tmp_path: Path) -> None:
    other = "the secret of somebody else, long enough"
    auth = [strategy(), strategy(key=other), {"type": "none"}]
    async with serving(tmp_path, auth=auth) as server:
        assert is_accepted(await login(server.url, {"token": token(key=other)}))
        assert is_accepted(await login(server.url, {}))
        expired = token(key=other, exp=int(time.time()) - 1)
        assert is_refused(await login(server.url, {"token": expired}), {"error": "The token has expired"})


async def test_an_expired_token_closes_its_connection_and_no_other(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, auth=[strategy()]) as server,
        RawClient.connect(server.url) as short,
        RawClient.connect(server.url) as long,
    ):
        expiry = int(time.time()) + 2
        await long.login({"token": token(exp=expiry + 3600)})
        await short.login({"token": token(exp=expiry)})
        assert await short.closed(timeout=10) == 1008
        assert expiry <= time.time() < expiry + 1
        await long.quiet()


async def test_keys_are_fetched_once_and_again_for_one_that_is_new(
    tmp_path: Path, private_key: rsa.RSAPrivateKey
) -> None:
    async with WebService(lambda asked: (200, key_set(private_key, "k1"))) as service:
        options = {"type": "jwt", "options": {"jwksUrl": service.url}}
        async with serving(tmp_path, auth=[options]) as server:
            shown = token(key=private_key, algorithm="RS256", key_id="k1")
            nameless = token(key=private_key, algorithm="RS256")
            for one in (shown, nameless, shown):
                assert is_accepted(await login(server.url, {"token": one}))
            strange = token(key=private_key, algorithm="RS256", key_id="k2")
            unknown = {"error": "The token's key is not known"}
            assert is_refused(await login(server.url, {"token": strange}), unknown)
            assert is_refused(await login(server.url, {"token": token(key_id="k1")}), NOT_VALID)
    assert len(service.asked) == 1


async def test_keys_that_cannot_be_fetched_are_nobodys_fault(tmp_path: Path) -> None:
    for status, body in ((500, "down"), (200, "no JSON"), (200, {"keys": []})):
        async with WebService(lambda asked, status=status, body=body: (status, body)) as service:
            options = {"type": "jwt", "options": {"jwksUrl": service.url}}
            async with (
                serving(tmp_path, auth=[options]) as server,
                RawClient.connect(server.url) as client,
            ):
                await client.challenge()
                reason = {"error": "The keys of tokens cannot be fetched"}
                shown = token(key=SECRET, key_id="k1")
                assert is_refused(await attempt(client, {"token": shown}), reason)


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_keys_follow_their_issuer(private_key: rsa.RSAPrivateKey) -> None:
    clock, current = Clock(), ["k1"]
    async with WebService(lambda asked: (200, key_set(private_key, current[0]))) as service:
        keys = KeySet(service.url, clock=clock)
        assert await keys.get("k1") is not None
        current[0] = "k2"
        assert await keys.get("k2") is None, "a new key is looked for no more often than the cooldown"
        clock.now += COOLDOWN
        assert await keys.get("k2") is not None
        assert keys.peek("k1") is None
        clock.now += LIFETIME
        assert keys.peek("k2") is None
        assert await keys.get("k2") is not None
        assert len(service.asked) == 3
    clock.now += LIFETIME
    with pytest.raises(JwksUnavailable):
        await keys.get("k2")
    await keys.close()
