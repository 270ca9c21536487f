"""One record in the REST API: a write is one like any client's, versioned, stored and broadcast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.journal import ADDITION, CHANGE, DELETION, write_down
from accounts.roles import ADD_RECORDS, CHANGE_RECORDS, DELETE_RECORDS, VIEW_RECORDS
from cluster import announce
from records.merge_patch import merged
from records.models import Record
from records.names import name_problem
from rest.body import JSON, MERGE_PATCH, media_type, required_json, validated
from rest.fields import Flag, Text
from rest.preconditions import Preconditions
from rest.problems import Problem, etag
from rest.schema import CONTAINER, ETAG, NAME, problem_statuses
from rest.views import Endpoint, username

TRIES = 50
"""How often a write is made anew because somebody else was faster."""

LONGEST_PATH = 200
"""Characters of a path that the log shows."""

NEXT = -1
"""The version of a write that takes whichever comes next."""

Write = Callable[[announce.Record | None, int], None]
"""Makes a version of a record of what was found."""

_IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description='The version that must be stored, as in `"3"`; `*`: any. Else the answer is 412.',
)
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`*`: there must be no such record.",
)
_MINE = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The version that is known already, quoted: if it is still stored, the answer is 304.",
)


class Patch(serializers.Serializer):
    """A change of one place in a record."""

    path = Text(help_text="Where: `a.b[0].c`.")
    value = serializers.JSONField(required=False, allow_null=True, help_text="What is there from now on.")
    erase = Flag(required=False, help_text="true instead of a value: take away what is there.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of both; raises ValidationError."""
        if ("value" in attrs) == attrs.get("erase", False):
            raise serializers.ValidationError("Give either a value, or erase: true.")
        return attrs


class RecordDetail(Endpoint):
    """One record; its representation is its data, its ETag the version."""

    needs: ClassVar[dict[str, str]] = {
        "GET": VIEW_RECORDS,
        "PUT": CHANGE_RECORDS,
        "PATCH": CHANGE_RECORDS,
        "DELETE": DELETE_RECORDS,
    }

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what is no name."""
        super().initial(request, *args, **kwargs)
        if problem := name_problem(kwargs["name"]):
            raise Problem(400, problem, kind="invalid")

    @extend_schema(
        operation_id="records_get",
        tags=["records"],
        parameters=[NAME, ETAG, _MINE],
        responses={
            200: CONTAINER,
            304: OpenApiResponse(description="Still the same."),
            **problem_statuses(404),
        },
    )
    def get(self, request: Request, name: str) -> Response:
        """The record's data as it is now."""
        conditions = Preconditions.of(request)
        found = announce.read(name)
        if found is None:
            raise _absent(name)
        headers = {"ETag": etag(found.version)}
        if conditions.is_known(found):
            return Response(status=304, headers=headers)
        return Response(found.data, headers=headers)

    @extend_schema(
        operation_id="records_put",
        tags=["records"],
        parameters=[NAME, ETAG, _IF_MATCH, _IF_NONE_MATCH],
        request={JSON: CONTAINER},
        responses={
            204: OpenApiResponse(description="Replaced."),
            201: OpenApiResponse(description="Created."),
            **problem_statuses(409, 412),
        },
    )
    def put(self, request: Request, name: str) -> Response:
        """Replace the record's data, or create it."""
        data = required_json(request)
        if not isinstance(data, dict | list):
            raise Problem(400, "A record is a JSON object or array.", kind="invalid")

        def write(_: announce.Record | None, version: int) -> None:
            announce.write(name, data, version=version, author=username(request))

        return self._change(request, name, write, "replaced")

    @extend_schema(
        operation_id="records_patch",
        tags=["records"],
        parameters=[NAME, ETAG, _IF_MATCH, _IF_NONE_MATCH],
        request={JSON: Patch, MERGE_PATCH: {"type": "object", "additionalProperties": True}},
        responses={
            204: OpenApiResponse(description="Changed."),
            201: OpenApiResponse(description="Created."),
            **problem_statuses(404, 409, 412),
        },
    )
    def patch(self, request: Request, name: str) -> Response:
        """Change one path, or several by JSON Merge Patch (RFC 7396); what is missing is created."""
        given = required_json(request, JSON, MERGE_PATCH)
        if media_type(request) == MERGE_PATCH:
            merge = _merging(name, given, username(request))
            return self._change(request, name, merge, "merged", merges=True)
        patch = validated(Patch, given)
        write = _erasing if patch.get("erase") else _setting
        verb = f"patched at {patch['path'][:LONGEST_PATH]}"
        return self._change(request, name, write(name, patch, username(request)), verb)

    @extend_schema(
        operation_id="records_delete",
        tags=["records"],
        parameters=[NAME, _IF_MATCH],
        responses={204: None, **problem_statuses(404, 412)},
    )
    def delete(self, request: Request, name: str) -> Response:
        """Delete the record. If-Match is looked at just before, not in the same step."""
        conditions = Preconditions.of(request)
        found = announce.read(name)
        conditions.check(found)
        if found is None:
            raise _absent(name)
        key = _key(name)
        announce.delete(name, author=username(request))
        write_down(request.user, DELETION, name, "Deleted through the REST API.", model=Record, key=key)
        return Response(status=204)

    def _change(
        self, request: Request, name: str, write: Write, verb: str, *, merges: bool = False
    ) -> Response:
        """Have ``write`` make the next version of what is there, as often as others are faster.

        In the end it takes whichever version comes next, unless it depends on what was there.
        """
        conditions = Preconditions.of(request)
        for tries_left in range(TRIES, -1, -1):
            found = announce.read(name)
            conditions.check(found)
            if found is None and not request.user.has_perm(ADD_RECORDS):
                raise PermissionDenied(f"To create a record needs the permission {ADD_RECORDS}.")
            version = 1 if found is None else found.version + 1
            if not (tries_left or merges or any(conditions)):
                version = NEXT
            try:
                write(found, version)
            except announce.Conflict:
                continue
            return self._written(request, name, version, "created" if found is None else verb)
        raise Problem(409, "The record changes too fast for this: try again.", kind="too-busy")

    def _written(self, request: Request, name: str, version: int, verb: str) -> Response:
        is_new = verb == "created"
        shown = "" if version == NEXT else f": version {version}"
        write_down(
            request.user,
            ADDITION if is_new else CHANGE,
            name,
            f"{verb.capitalize()} through the REST API{shown}.",
            model=Record,
            key=_key(name),
        )
        headers = {} if version == NEXT else {"ETag": etag(version)}
        return Response(status=201 if is_new else 204, headers=headers)


def _setting(name: str, patch: dict[str, Any], author: str) -> Write:
    def write(_: announce.Record | None, version: int) -> None:
        announce.write(name, patch["value"], path=patch["path"], version=version, author=author)

    return write


def _erasing(name: str, patch: dict[str, Any], author: str) -> Write:
    def write(found: announce.Record | None, version: int) -> None:
        if found is None:
            raise _absent(name)
        announce.erase(name, patch["path"], version=version, author=author)

    return write


def _merging(name: str, patch: Any, author: str) -> Write:
    if not isinstance(patch, dict):
        raise Problem(400, "A merge patch of a record is a JSON object.", kind="invalid")

    def write(found: announce.Record | None, version: int) -> None:
        try:
            data = merged({} if found is None else found.data, patch)
        except RecursionError:
            raise Problem(400, "The patch is nested too deeply.", kind="invalid") from None
        announce.write(name, data, version=version, author=author)

    return write


def _absent(name: str) -> Problem:
    return Problem(404, f"There is no record {name!r}.")


def _key(name: str) -> int | None:
    """The record's row, if it has one: the log's link leads there."""
    return Record.objects.filter(name=name).values_list("pk", flat=True).first()
