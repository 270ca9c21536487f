"""The pages about a record's past: its versions, one of them, two beside one another, and going back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.admin.models import CHANGE
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from cluster import announce
from deepstream_protocol.topics import RecordAction
from monitoring.views.page import go
from records.chronicle import FOUND
from records.differences import LIMIT, differences
from records.models import RecordVersion
from records.past import NotKept, Past, as_of, state_after, versions
from records.views.one import pretty, shown
from records.views.page import ONE, RecordsPage

ROWS = 50

WORDS = {
    FOUND: "found",
    RecordAction.CREATE: "created",
    RecordAction.UPDATE: "set as a whole",
    RecordAction.PATCH: "patched",
    RecordAction.ERASE: "erased",
    RecordAction.PATCH_MULTI: "patched in several places",
    RecordAction.DELETE: "deleted",
}
"""What each action did to the record."""

SHORT = 200
"""Characters of what was written that the list shows."""


class Versions(RecordsPage):
    """The versions of a record, the latest first."""

    template_name = "admin/records/versions.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show some, those before the entry ``before``."""
        name, before = self.asked_name(), _number(request.GET.get("before"))
        entries = list(versions(name, before=before)[: ROWS + 1])
        more = len(entries) > ROWS
        return self.show(
            title="History of a record",
            name=name,
            entries=[_entry(one) for one in entries[:ROWS]],
            before=entries[ROWS - 1].id if more else None,
            is_later=before is not None,
            kept=_is_kept(name),
        )


class Version(RecordsPage):
    """A record at one entry of its history, or as of a time; a POST makes it the next version."""

    template_name = "admin/records/version.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the state, and what the entry changed."""
        name, problem, past, changes = self.asked_name(), "", None, None
        try:
            past = self._past(name)
            if past.entry is not None and (before := _state_before(past.entry)) is not None:
                changes = [shown(one) for one in differences(before.data or {}, past.data or {}, LIMIT)]
        except NotKept as error:
            problem = str(error)
        return self.show(
            title="A record as it was",
            name=name,
            past=past,
            at=request.GET.get("at", ""),
            entry=_entry(past.entry) if past is not None and past.entry is not None else None,
            text="" if past is None or past.data is None else pretty(past.data),
            changes=changes,
            error=problem,
            status=404 if problem else 200,
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Restore: write the state of an entry anew, whatever the record is now."""
        name = self.asked_name()
        entry = _entry_of(name, request.POST.get("id"))
        try:
            data = state_after(entry)
            if data is None:
                raise NotKept("There was no record then: to delete it, use its page.")
            announce.write(name, data, author=self.author)
        except (NotKept, announce.AnnounceError) as error:
            return go(request, "records_record_versions", str(error), failed=True, name=name)
        self.log(CHANGE, name, f"Restored version {entry.version} as a new version.")
        return go(request, ONE, f"Version {entry.version} is restored as a new version.", name=name)

    def _past(self, name: str) -> Past:
        if at := self.request.GET.get("at"):
            return as_of(name, _time(at))
        entry = _entry_of(name, self.request.GET.get("id"))
        return Past(entry.version, state_after(entry), entry)


class Comparison(RecordsPage):
    """Two versions of a record, and every place where they differ."""

    template_name = "admin/records/compare.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Compare the entries ``from`` and ``to``, whichever is older first."""
        name, problem, found = self.asked_name(), "", []
        chosen = (request.GET.get("from"), request.GET.get("to"))
        older, newer = sorted((_entry_of(name, id) for id in chosen), key=lambda entry: entry.id)
        try:
            found = differences(state_after(older) or {}, state_after(newer) or {}, LIMIT + 1)
        except NotKept as error:
            problem = str(error)
        return self.show(
            title="Two versions of a record",
            name=name,
            older=_entry(older),
            newer=_entry(newer),
            differences=[shown(one) for one in found[:LIMIT]],
            is_cut=len(found) > LIMIT,
            error=problem,
        )


def _entry_of(name: str, id: str | None) -> RecordVersion:
    """The entry ``id`` of the record; raises Http404, as for one that is not kept any longer."""
    number = _number(id)
    entry = None if number is None else RecordVersion.objects.filter(name=name, id=number).first()
    if entry is None:
        raise Http404("The history has no such entry, or no longer.")
    return entry


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 19 else None


def _time(text: str) -> datetime:
    """A time as forms send it, without a zone in the server's own."""
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        raise BadRequest("A time is written as in 2031-12-31T23:59.")
    return at.astimezone(UTC) if at.tzinfo else timezone.make_aware(at)


def _state_before(entry: RecordVersion) -> Past | None:
    """What the record was before ``entry``; None where that is not known."""
    if entry.action == FOUND:
        return None
    older = versions(entry.name, before=entry.id).first()
    if older is None:
        return Past(-1, None, None) if entry.version in (0, 1) else None
    try:
        return Past(older.version, state_after(older), older)
    except NotKept:
        return None


def _entry(entry: RecordVersion) -> dict[str, Any]:
    """An entry as pages show it; what was written is cut short."""
    written = entry.data if entry.data is not None else entry.state
    if entry.action in (RecordAction.DELETE, RecordAction.ERASE):
        written = ""
    return {
        "id": entry.id,
        "version": entry.version,
        "at": entry.at,
        "author": entry.author,
        "node": entry.node,
        "what": WORDS.get(entry.action, str(entry.action)),
        "path": entry.path or "",
        "written": written if not written or len(written) <= SHORT else f"{written[:SHORT]}…",
        "is_deletion": entry.action == RecordAction.DELETE,
    }


def _is_kept(name: str) -> bool | None:
    """Whether new versions of the record are kept; None if no node says so."""
    try:
        watchers = announce.perform("records.watchers", name=name, limit=1)
    except announce.AnnounceError:
        return None
    return bool(watchers["history"])
