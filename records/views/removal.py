"""Deleting records: one, some, or all with a prefix; never before it was shown what that would be."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.models import DELETION
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

from accounts.roles import DELETE_RECORDS
from cluster import announce
from monitoring.views.page import go
from records import listing
from records.models import Record
from records.names import name_problem
from records.views.page import MANY, RecordsPage

MOST = 10_000
"""Records that one request deletes; more take more of them."""

CHOSEN = 500
"""Records that can be chosen one by one."""

AT_ONCE = 500
"""Records that the server is asked to delete at once."""

SAMPLE = 100
"""Names that the dry run shows."""


class Removal(RecordsPage):
    """The dry run, and with ``sure`` the deletion itself."""

    title = "Delete records"
    template_name = "admin/records/remove.html"
    needs: ClassVar[dict[str, str]] = {"GET": DELETE_RECORDS, "POST": DELETE_RECORDS}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show what would be deleted."""
        return self._dry_run(request.GET.getlist("name"), request.GET.get("prefix", ""))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Delete, if the user has seen what."""
        names, prefix = request.POST.getlist("name"), request.POST.get("prefix", "")
        if "sure" not in request.POST or not (names or prefix):
            return self._dry_run(names, prefix)
        if prefix and request.POST.get("repeated") != prefix:
            return self._dry_run(names, prefix, error="Type the prefix as it is to confirm.")
        deleted, problems = self._delete(names or listing.names_after("", prefix, MOST).names)
        for problem in problems[:20]:
            messages.error(request, problem)
        left = listing.counted(prefix) if prefix else 0
        rest = f" There are {'more than 1,000' if left > listing.COUNTED else left} more." if left else ""
        done = "1 record is deleted." if deleted == 1 else f"{deleted:,} records are deleted."
        return go(request, MANY, done + rest, failed=not deleted, **_back_to(prefix))

    def _delete(self, names: list[str]) -> tuple[int, list[str]]:
        deleted, problems = 0, list[str]()
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            try:
                answers = announce.perform("records.delete-many", names=some, author=self.author)
            except announce.AnnounceError as error:
                return deleted, [*problems, str(error)]
            done = [name for name, problem in zip(some, answers, strict=True) if problem is None]
            self.log_each(DELETION, done, "Deleted.")
            deleted += len(done)
            problems += [f"{name}: {problem}" for name, problem in zip(some, answers, strict=True) if problem]
        return deleted, problems

    def _dry_run(self, names: list[str], prefix: str, error: str = "") -> HttpResponse:
        if not names and not prefix:
            return go(self.request, MANY, "Choose records to delete.", failed=True)
        if any(name_problem(name) for name in names) or len(names) > CHOSEN:
            raise BadRequest("Those are no names of records.")
        if names:
            names = _existing(names)
            sample, count, is_all = names[:SAMPLE], len(names), True
        else:
            counted = listing.counted(prefix, MOST + 1)
            sample = listing.names_after("", prefix, SAMPLE).names
            count, is_all = min(counted, MOST), counted <= MOST
        return self.show(
            names=names, prefix=prefix, sample=sample, count=count, is_all=is_all, error=error, most=MOST
        )


def _existing(names: list[str]) -> list[str]:
    """Those of ``names`` that there are, in the database or, as far as can be asked, in memory alone."""
    stored = set(Record.objects.filter(name__in=names).values_list("name", flat=True))
    return [name for name in names if name in stored or _is_live(name)]


def _is_live(name: str) -> bool:
    try:
        return announce.read(name) is not None
    except announce.AnnounceError:
        return False


def _back_to(prefix: str) -> dict[str, str]:
    return {"prefix": prefix} if prefix else {}
