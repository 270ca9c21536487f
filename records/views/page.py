"""What the pages about records have in common: who may see them, and how they say what was done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, cast

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.journal import LONGEST_NAME, write_down
from accounts.roles import CHANGE_RECORDS, VIEW_RECORDS
from monitoring.views.page import OperatorsPage
from records.models import Record
from records.names import name_problem

ONE = "records_record_one"
"""The page of a record, among the site's names of pages."""

MANY = "records_record_changelist"
"""The page of all records."""


class RecordsPage(OperatorsPage):
    """A page about records; ``needs`` are the permissions to look at it and to post to it."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_RECORDS, "POST": CHANGE_RECORDS}
    http_method_names = ["get", "post", "head"]  # noqa: RUF012 - as Django declares it

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let in who may, with parameters that a database can be asked for."""
        needed = self.needs.get("GET" if request.method == "HEAD" else request.method or "")
        if needed is not None and not request.user.has_perm(needed):
            raise PermissionDenied
        if any("\0" in value for given in (request.GET, request.POST) for value in given.values()):
            raise BadRequest("No name has a NUL character.")
        return super().dispatch(request, *args, **kwargs)

    @property
    def author(self) -> str:
        """Who stands behind a write."""
        return str(self.request.user.get_username())

    def asked_name(self) -> str:
        """The record's name in the address or the form; raises BadRequest if no record can have it."""
        name = self.request.POST.get("name") or self.request.GET.get("name", "")
        if problem := name_problem(name):
            raise BadRequest(problem)
        return name

    def log(self, flag: int, name: str, text: str) -> None:
        """Enter into the admin's log what the user did to the record ``name``."""
        write_down(self.request.user, flag, name, text, model=Record, key=name)

    def log_each(self, flag: int, names: Iterable[str], text: str) -> None:
        """Enter the same for many records at once."""
        content_type = ContentType.objects.get_for_model(Record)
        LogEntry.objects.bulk_create(
            LogEntry(
                user=cast(User, self.request.user),
                content_type=content_type,
                object_id=name,
                object_repr=name[:LONGEST_NAME],
                action_flag=flag,
                change_message=text,
            )
            for name in names
        )

    def show(self, *, status: int = 200, **context: Any) -> HttpResponse:
        """This page with more in its context."""
        return self.render_to_response(self.get_context_data(**context), status=status)
