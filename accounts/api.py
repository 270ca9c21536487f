"""Tokens for the REST API, and who one is."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authtoken.models import Token
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle

from accounts.journal import ADDITION, DELETION, write_down
from rest.body import required_json, validated
from rest.fields import Text
from rest.problems import Problem
from rest.views import Endpoint, IsPermitted


class LoginThrottle(SimpleRateThrottle):
    """Guesses at passwords, by the address they come from."""

    scope = "login"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """One count for each address; only logins count."""
        if request.method != "POST":
            return None
        return f"throttle-login-{self.get_ident(request)}"


class Login(serializers.Serializer):
    """A password login."""

    username = Text()
    password = Text(style={"input_type": "password"})


class IssuedToken(serializers.Serializer):
    """A token for the header `Authorization: Token …`."""

    token = serializers.CharField()


class TokenEndpoint(Endpoint):
    """The token of a user: there is one, which stays the same until it is revoked."""

    throttle_classes = (LoginThrottle, *Endpoint.throttle_classes)

    def get_permissions(self) -> list[Any]:
        """Who wants a token has none yet."""
        return [AllowAny()] if self.request.method == "POST" else [IsPermitted()]

    def get_authenticators(self) -> list[Any]:
        """A login is by what its body says, so no cookie counts and none needs a guard."""
        return [] if self.request and self.request.method == "POST" else super().get_authenticators()

    @extend_schema(
        operation_id="token_create", tags=["access"], request=Login, responses={200: IssuedToken}, auth=[]
    )
    def post(self, request: Request) -> Response:
        """Get one's token by username and password."""
        login = validated(Login, required_json(request))
        user = authenticate(request._request, username=login["username"], password=login["password"])
        if user is None or not user.is_staff:
            raise Problem(403, "Username or password is wrong, or the user is not staff.")
        token, is_new = Token.objects.get_or_create(user=user)
        if is_new:
            write_down(user, ADDITION, user.get_username(), "Got a token for the REST API.")
        return Response({"token": token.key})

    @extend_schema(operation_id="token_revoke", tags=["access"], responses={204: None})
    def delete(self, request: Request) -> Response:
        """Revoke one's token, in case somebody else has it."""
        if Token.objects.filter(user=request.user.pk).delete()[0]:
            write_down(
                request.user, DELETION, request.user.get_username(), "Revoked the token for the REST API."
            )
        return Response(status=204)


class Account(serializers.Serializer):
    """Who asks."""

    username = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    permissions = serializers.ListField(child=serializers.CharField())


class Me(Endpoint):
    """Who asks."""

    @extend_schema(operation_id="me", tags=["access"], responses=Account)
    def get(self, request: Request) -> Response:
        """Who one is here, and what one may do."""
        groups = request.user.groups.order_by("name").values_list("name", flat=True)
        return Response(
            {
                "username": request.user.get_username(),
                "groups": list(groups),
                "permissions": sorted(request.user.get_all_permissions()),
            }
        )
