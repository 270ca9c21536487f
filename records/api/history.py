"""The history of records in the REST API: what was written, and what a record was."""

from __future__ import annotations

from typing import Any, ClassVar

import orjson
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import VIEW_RECORDS
from deepstream_protocol.topics import RecordAction
from records.chronicle import FOUND
from records.models import RecordVersion
from records.names import name_problem
from records.past import NotKept, Past, as_of, state_after, versions
from rest.body import validated
from rest.paging import CursorPages
from rest.problems import Problem, etag
from rest.schema import CONTAINER, ETAG, NAME, problem_statuses
from rest.views import Endpoint

_LAST_VERSION = 2**31 - 1


class HistoryRow(serializers.ModelSerializer):
    """A write."""

    action = serializers.SerializerMethodField(help_text="UPDATE, PATCH, …; FOUND: what there was at first.")
    data = serializers.SerializerMethodField(  # type: ignore[assignment]
        help_text="What was written, if it was not the whole record."
    )

    class Meta:
        model = RecordVersion
        fields = ("id", "version", "at", "author", "node", "action", "path", "data")

    def get_action(self, entry: RecordVersion) -> str:
        """The action's name."""
        return "FOUND" if entry.action == FOUND else RecordAction(entry.action).name

    def get_data(self, entry: RecordVersion) -> Any:
        """The value that was sent."""
        return None if entry.data is None else orjson.loads(entry.data)


class HistoryPages(CursorPages):
    """Writes, the latest first."""

    ordering = "-id"
    max_page_size = 200


class History(Endpoint, ListAPIView):
    """The writes to a record."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_RECORDS}
    pagination_class = HistoryPages
    serializer_class = HistoryRow
    queryset = RecordVersion.objects.none()

    @extend_schema(operation_id="records_history", tags=["records"], parameters=[NAME])
    def get(self, request: Request, name: str) -> Response:
        """List who wrote what to the record when, the latest first.

        It is empty while the history is switched off in the configuration.
        """
        _check_name(name)
        return self.list(request)

    def get_queryset(self) -> QuerySet[RecordVersion]:
        """The record's own, without the whole states."""
        return versions(self.kwargs["name"]).defer("state") if "name" in self.kwargs else self.queryset


class PastQuery(serializers.Serializer):
    """Which past."""

    version = serializers.IntegerField(
        required=False, min_value=0, max_value=_LAST_VERSION, help_text="The version that is wanted."
    )
    at = serializers.DateTimeField(required=False, help_text="Or the time at which it is wanted, ISO 8601.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of both; raises ValidationError."""
        if len(attrs) != 1:
            raise serializers.ValidationError("Say either which version, or at which time.")
        return attrs


class PastRecord(Endpoint):
    """A record as it was."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_RECORDS}

    @extend_schema(
        operation_id="records_past",
        tags=["records"],
        parameters=[NAME, ETAG, PastQuery],
        responses={200: OpenApiResponse(CONTAINER, "The data as it was then."), **problem_statuses(404)},
    )
    def get(self, request: Request, name: str) -> Response:
        """The record's data as it was: in a version, the latest of that number, or at a time."""
        _check_name(name)
        asked = validated(PastQuery, request.query_params.dict())
        try:
            past = _in_version(name, asked["version"]) if "version" in asked else as_of(name, asked["at"])
        except NotKept as error:
            raise Problem(404, str(error)) from None
        if past.data is None:
            raise Problem(404, f"There was no record {name!r} then.")
        return Response(past.data, headers={"ETag": etag(past.version)})


def _in_version(name: str, version: int) -> Past:
    entry = versions(name).filter(version=version).first()
    if entry is None:
        raise NotKept(f"The history of {name!r} has no version {version}.")
    return Past(entry.version, state_after(entry), entry)


def _check_name(name: str) -> None:
    if problem := name_problem(name):
        raise Problem(400, problem, kind="invalid")
