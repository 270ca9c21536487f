"""Rule sets in the REST API: read, written and activated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.journal import ADDITION, CHANGE, write_down
from accounts.roles import ACTIVATE_RULES, EDIT_RULES, VIEW_RULES
from permissions import rule_sets
from permissions.api.shapes import Comment, Draft, RuleSet, RuleSetRow
from permissions.document import InvalidRules
from permissions.models import RuleSetVersion
from rest.body import read_json, required_json, validated
from rest.paging import CursorPages
from rest.problems import Problem
from rest.schema import problem_statuses
from rest.views import Endpoint, username


class RulePages(CursorPages):
    """Versions, the newest first."""

    ordering = "-number"


class RuleSetList(Endpoint, ListAPIView):
    """The versions in the database."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_RULES, "POST": EDIT_RULES}
    pagination_class = RulePages
    serializer_class = RuleSetRow
    queryset = RuleSetVersion.objects.defer("source", "document")

    @extend_schema(operation_id="rules_list", tags=["rules"])
    def get(self, request: Request) -> Response:
        """List the versions of the rules, the newest first."""
        return self.list(request)

    @extend_schema(operation_id="rules_create", tags=["rules"], request=Draft, responses={201: RuleSet})
    def post(self, request: Request) -> Response:
        """Keep rules as a draft. With errors, which `problems` says, it cannot be activated."""
        given = validated(Draft, required_json(request))
        with _refusals():
            draft = rule_sets.create_draft(given["source"], username(request), given["comment"])
        _write_down(request, ADDITION, draft, "Kept as a draft")
        return Response(RuleSet(draft).data, status=201)


class ActiveRuleSet(Endpoint):
    """The version in force."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_RULES}

    @extend_schema(
        operation_id="rules_active", tags=["rules"], responses={200: RuleSet, **problem_statuses(404)}
    )
    def get(self, request: Request) -> Response:
        """The version that is active in the database."""
        found = rule_sets.active()
        if found is None:
            raise Problem(404, "No version of the rules is active in the database.")
        return Response(RuleSet(found).data)


class RuleSetDetail(Endpoint):
    """One version."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_RULES}

    @extend_schema(
        operation_id="rules_get", tags=["rules"], responses={200: RuleSet, **problem_statuses(404)}
    )
    def get(self, request: Request, number: int) -> Response:
        """A version of the rules."""
        return Response(RuleSet(_version(number)).data)


class _PuttingInForce(Endpoint):
    """A version that comes into force."""

    needs: ClassVar[dict[str, str]] = {"POST": ACTIVATE_RULES}
    done: ClassVar[str]

    def put_in_force(self, version: RuleSetVersion, author: str, comment: str) -> RuleSetVersion:
        """The version that is active then."""
        raise NotImplementedError

    def answer(self, request: Request, number: int) -> Response:
        """Have it done."""
        given = read_json(request)
        comment = validated(Comment, given if isinstance(given, dict) else {})["comment"]
        with _refusals():
            version = self.put_in_force(_version(number), username(request), comment)
        _write_down(request, CHANGE, version, self.done)
        return Response(RuleSet(version).data)


class Activation(_PuttingInForce):
    """A draft that comes into force."""

    done = "Activated"

    @extend_schema(
        operation_id="rules_activate",
        tags=["rules"],
        request=Comment,
        responses={200: RuleSet, **problem_statuses(404, 409, 422)},
    )
    def post(self, request: Request, number: int) -> Response:
        """Put a draft in force, on every node, within two seconds.

        409: it is no draft, somebody else was faster, or the configuration says which rules count.
        422: the rules have errors, which are in `problems`.
        """
        return self.answer(request, number)

    def put_in_force(self, version: RuleSetVersion, author: str, comment: str) -> RuleSetVersion:
        """See ``rule_sets.activate``."""
        return rule_sets.activate(version, author, comment)


class RollBack(_PuttingInForce):
    """A past version that comes into force again."""

    done = "Brought back"

    @extend_schema(
        operation_id="rules_roll_back",
        tags=["rules"],
        request=Comment,
        responses={200: RuleSet, **problem_statuses(404, 409, 422)},
    )
    def post(self, request: Request, number: int) -> Response:
        """Put the rules of a past version in force again, as a new version, which is the answer."""
        return self.answer(request, number)

    def put_in_force(self, version: RuleSetVersion, author: str, comment: str) -> RuleSetVersion:
        """See ``rule_sets.roll_back``."""
        return rule_sets.roll_back(version, author, comment)


def _version(number: int) -> RuleSetVersion:
    try:
        return RuleSetVersion.objects.get(pk=number)
    except (RuleSetVersion.DoesNotExist, OverflowError):
        raise Problem(404, f"There is no version {number} of the rules.") from None


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except InvalidRules as error:
        problems = list(map(asdict, error.problems))
        raise Problem(422, "The rules have errors.", kind="invalid-rules", problems=problems) from None
    except rule_sets.RulesRefused as error:
        raise Problem(409, str(error)) from None


def _write_down(request: Request, flag: int, version: RuleSetVersion, what: str) -> None:
    text = f"{what} through the REST API."
    write_down(request.user, flag, str(version), text, model=RuleSetVersion, key=version.pk)
