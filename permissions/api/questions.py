"""Questions about rules in the REST API: what is wrong with them, and why they decide as they do."""

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import VIEW_RULES
from cluster import announce
from permissions.api.shapes import RuleProblem
from permissions.asking import ACTIONS
from permissions.rule_text import problems_of
from rest.body import required_json, validated
from rest.fields import Text
from rest.views import Endpoint


class Source(serializers.Serializer):
    """Rules to look at."""

    source = Text(help_text="The rules, YAML or JSON.", allow_blank=True)  # type: ignore[assignment]


class Validity(serializers.Serializer):
    """What is wrong with rules."""

    valid = serializers.BooleanField()
    problems = serializers.ListField(child=RuleProblem())


class Validation(Endpoint):
    """Whether rules can be in force."""

    needs: ClassVar[dict[str, str]] = {"POST": VIEW_RULES}

    @extend_schema(operation_id="rules_validate", tags=["rules"], request=Source, responses=Validity)
    def post(self, request: Request) -> Response:
        """Say what is wrong with rules; they are not kept."""
        problems = problems_of(validated(Source, required_json(request))["source"])
        return Response({"valid": not problems, "problems": list(map(asdict, problems))})


class Question(serializers.Serializer):
    """What somebody wants to do."""

    action = serializers.ChoiceField(choices=list(ACTIONS))
    name = Text(help_text="The record, event, procedure or pattern; for presence the user.")
    user = Text(required=False, allow_null=True, help_text="Who; left out or null: an open login.")
    user_data = serializers.JSONField(
        required=False, allow_null=True, help_text="The serverData; left out: what the server knows."
    )
    data = serializers.JSONField(  # type: ignore[assignment]
        required=False, allow_null=True, help_text="What is written, published or asked."
    )
    path = Text(required=False, allow_null=True, help_text="Where in the record, for record.patch.")
    old_data = serializers.JSONField(
        required=False, allow_null=True, help_text="The record; left out: the live one; null: there is none."
    )
    records = serializers.DictField(
        child=serializers.JSONField(allow_null=True), required=False, help_text="Other records, by name."
    )
    source = Text(  # type: ignore[assignment]
        required=False, allow_null=True, help_text="Rules to ask instead of those in force."
    )


class Explanation(Endpoint):
    """Why something is allowed or refused."""

    needs: ClassVar[dict[str, str]] = {"POST": VIEW_RULES}

    @extend_schema(
        operation_id="rules_explain",
        tags=["rules"],
        request=Question,
        responses=OpenApiResponse(
            {
                "type": "object",
                "properties": {"verdict": {"type": "string"}},
                "required": ["verdict"],
                "additionalProperties": True,
            },
            "The verdict, and how it came about: matching paths, the deciding rule, each part's value.",
        ),
    )
    def post(self, request: Request) -> Response:
        """Ask the rules in force, or others, whether something is allowed, and why."""
        question = validated(Question, required_json(request))
        return Response(announce.perform("rules.explain", **question))
