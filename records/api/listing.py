"""The list of records in the REST API."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import VIEW_RECORDS
from records.listing import starting_with
from records.models import Record
from rest.body import validated
from rest.paging import CursorPages
from rest.views import Endpoint


class RecordRow(serializers.ModelSerializer):
    """A record in a list."""

    class Meta:
        model = Record
        fields = ("name", "version", "created_at", "updated_at", "data")
        extra_kwargs: ClassVar[dict[str, Any]] = {
            "data": {"required": False, "help_text": "Only if asked for."}
        }


class ListQuery(serializers.Serializer):
    """What can be asked of the list."""

    prefix = serializers.CharField(
        required=False, default="", allow_blank=True, trim_whitespace=False, help_text="How the names begin."
    )
    with_data = serializers.BooleanField(
        required=False, default=False, help_text="Whether their data is wanted."
    )


class RecordPages(CursorPages):
    """Records in the order of their names."""

    ordering = "name"


class RecordList(Endpoint, ListAPIView):
    """The records of the database."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_RECORDS}
    pagination_class = RecordPages
    serializer_class = RecordRow
    queryset = Record.objects.none()

    @extend_schema(operation_id="records_list", tags=["records"], parameters=[ListQuery])
    def get(self, request: Request) -> Response:
        """List records by name, a page at a time.

        Records which the configuration keeps in memory alone are not among them.
        """
        asked = validated(ListQuery, request.query_params.dict())
        columns = [one for one in RecordRow.Meta.fields if one != "data" or asked["with_data"]]
        page = self.paginate_queryset(starting_with(asked["prefix"]).values(*columns))
        return self.get_paginated_response(page)
