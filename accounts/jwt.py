"""Strategy ``jwt``: signed tokens (CONFIG.md; RFC 7519)."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

import jwt

from accounts.jwks import JwksUnavailable, KeySet
from accounts.login import LoginRequest, Outcome, PassOn, Refused
from deepstream_project.config_login import JwtOptions
from pubsub.user import User

MISSING = PassOn({"error": "missing authentication parameter: token"})
UNAVAILABLE = Refused({"error": "The keys of tokens cannot be fetched"}, is_wrong=False)


class JwtLogin:
    """Lets in who shows ``{token}`` with a good signature, for as long as the token is valid.

    A token that was signed by somebody else is passed on; one of ours that is no longer valid is refused.
    """

    def __init__(self, options: JwtOptions) -> None:
        self._options = options
        self._keys = KeySet(options.jwks_url) if options.jwks_url else None

    async def close(self) -> None:
        """Close the connection to where the keys are."""
        if self._keys is not None:
            await self._keys.close()

    def login(self, request: LoginRequest) -> Outcome | Awaitable[Outcome]:
        """At once as long as the key is known."""
        token = request.data.get("token")
        if not isinstance(token, str) or not token:
            return MISSING
        if self._keys is None:
            return self._check(token, self._options.key)
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except jwt.InvalidTokenError:
            return PassOn({"error": "The token is not valid"})
        key = self._keys.peek(key_id)
        return self._check_later(token, key_id) if key is None else self._check(token, key)

    async def _check_later(self, token: str, key_id: str | None) -> Outcome:
        assert self._keys is not None
        try:
            key = await self._keys.get(key_id)
        except JwksUnavailable:
            return UNAVAILABLE
        return PassOn({"error": "The token's key is not known"}) if key is None else self._check(token, key)

    def _check(self, token: str, key: Any) -> Outcome:
        options = self._options
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=list(options.algorithms),
                audience=options.audience or None,
                issuer=options.issuer,
                # When it was issued says nothing about whether it is valid, and clocks differ.
                options={"verify_iat": False},
            )
        except jwt.ExpiredSignatureError:
            return Refused({"error": "The token has expired"})
        except jwt.ImmatureSignatureError:
            return Refused({"error": "The token is not valid yet"})
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError, jwt.MissingRequiredClaimError) as error:
            return PassOn({"error": f"The token is not for this server: {error}"})
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            return PassOn({"error": "The token is not valid"})
        return self._user(claims)

    def _user(self, claims: Mapping[str, Any]) -> User | Refused:
        names = self._options.claims
        identity = claims.get(names.id)
        if not isinstance(identity, str | int) or isinstance(identity, bool) or identity == "":
            return Refused({"error": f"The token has no claim {names.id}"})
        expiry = claims.get("exp")
        return User(
            str(identity),
            client_data=claims.get(names.client_data) if names.client_data else None,
            server_data=claims.get(names.server_data) if names.server_data else None,
            expires_at=None if expiry is None else float(expiry),
        )
