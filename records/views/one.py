"""The page of one record: what it is, who looks at it, and its form."""

from __future__ import annotations

import json
from typing import Any, ClassVar, NoReturn

from django.contrib.admin.models import ADDITION, CHANGE
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.http import urlencode

from accounts.roles import ADD_RECORDS, CHANGE_RECORDS
from cluster import announce
from monitoring.views.page import ask_all, go
from records.differences import LIMIT, Difference, differences
from records.models import Record
from records.names import name_problem
from records.views.page import ONE, RecordsPage


class RecordPage(RecordsPage):
    """A record, live; a POST writes it, as a client does."""

    template_name = "admin/records/one.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the record, or with ``as=json`` what the page's script wants to know of it."""
        name = self.asked_name()
        if request.GET.get("as") == "json":
            return JsonResponse(_as_json(name))
        return self._show(name)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Write the record, if it still has the version that the form began with."""
        name, text = self.asked_name(), request.POST.get("data", "")
        try:
            data, version = parsed(text), int(request.POST.get("version", ""))
        except ValueError as error:
            return self._show(name, text=text, base=request.POST.get("version", ""), error=str(error))
        try:
            announce.write(name, data, version=version + 1, author=self.author)
        except announce.Conflict as conflict:
            return self._show(name, text=text, conflict=_conflict(name, data, conflict))
        except announce.AnnounceError as error:
            return self._show(name, text=text, base=version, error=str(error))
        self.log(CHANGE, name, f"Wrote version {version + 1}.")
        return go(
            request, ONE, f"Version {version + 1} is stored, and on its way to all subscribers.", name=name
        )

    def snapshot(self) -> Any:
        """Who is subscribed and who provides."""
        return ask_all("records.watchers", name=self.asked_name())

    def details(self) -> dict[str, Any]:
        """For the script."""
        name = self.asked_name()
        one = f"{reverse('admin:records_record_one')}?{urlencode({'name': name})}"
        return {"name": name, "one": one, "may_change": self.request.user.has_perm(CHANGE_RECORDS)}

    def _show(
        self, name: str, *, text: str | None = None, base: object = None, **context: Any
    ) -> HttpResponse:
        try:
            current = announce.read(name)
        except announce.AnnounceError as error:
            row = Record.objects.filter(name=name).first()
            current = None if row is None else announce.Record(name, row.version, row.data)
            context.setdefault("error", f"Shown is what the database has. {error}")
        if current is None and text is None:
            context.setdefault("error", "There is no such record.")
        stored = Record.objects.filter(name=name).defer("data").first()
        version = -1 if current is None else current.version
        return self.show(
            status=404 if current is None and text is None else 200,
            title="Record",
            name=name,
            current=current,
            version=version,
            base=version if base is None else base,
            text=pretty(current.data) if text is None and current is not None else text or "",
            size=0 if current is None else len(compact(current.data).encode(errors="replace")),
            stored=stored,
            **context,
        )


class NewRecord(RecordsPage):
    """The form for a record that does not exist yet."""

    title = "New record"
    template_name = "admin/records/new.html"
    needs: ClassVar[dict[str, str]] = {"GET": ADD_RECORDS, "POST": ADD_RECORDS}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """An empty form, but for what the address says."""
        return self.show(name=request.GET.get("name", ""), text="{}")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Create the record, if nobody else did."""
        name, text = request.POST.get("name", ""), request.POST.get("data", "")
        try:
            if problem := name_problem(name):
                _refuse(problem)
            announce.write(name, parsed(text), version=1, author=self.author)
        except announce.Conflict:
            return self.show(
                name=name, text=text, exists=name, error="There is a record of that name already."
            )
        except (announce.AnnounceError, ValueError) as error:
            return self.show(name=name, text=text, error=str(error))
        self.log(ADDITION, name, "Created.")
        return go(request, ONE, "The record is there.", name=name)


def parsed(text: str) -> Any:
    """The data of a record, as somebody typed it; raises ValueError that says what is wrong, and where."""
    try:
        data = json.loads(text, parse_constant=_no_json)
    except json.JSONDecodeError as error:
        raise ValueError(f"Line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except RecursionError:
        raise ValueError("That is nested too deeply.") from None
    if not isinstance(data, dict | list):
        raise ValueError("A record is a JSON object or array.")
    return data


def pretty(data: Any) -> str:
    """``data`` as somebody reads and edits it."""
    return json.dumps(data, ensure_ascii=False, indent=2)


def compact(data: Any) -> str:
    """``data`` in as few characters as can be."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON.")


def _refuse(problem: str) -> NoReturn:
    raise ValueError(problem)


def _as_json(name: str) -> dict[str, Any]:
    """The record now; numbers stay as they are written, which JavaScript's would not."""
    current = announce.read(name)
    if current is None:
        return {"version": -1, "text": "", "size": 0}
    return {
        "version": current.version,
        "text": pretty(current.data),
        "size": len(compact(current.data).encode(errors="replace")),
    }


def _conflict(name: str, mine: Any, conflict: announce.Conflict) -> dict[str, Any]:
    """What the operator chooses from: the record as it is now, and how the own one differs from it."""
    try:
        is_gone = announce.read(name) is None
    except announce.AnnounceError:
        is_gone = False
    found = differences({} if is_gone else conflict.data, mine, LIMIT + 1)
    return {
        "version": 0 if is_gone else conflict.version,
        "is_gone": is_gone,
        "text": "" if is_gone else pretty(conflict.data),
        "differences": [shown(one) for one in found[:LIMIT]],
        "is_cut": len(found) > LIMIT,
    }


LONG = 2000
"""Characters of a value in a list of differences."""


def shown(difference: Difference) -> dict[str, str]:
    """A difference as a page shows it."""
    return {
        "path": difference.path or "(everything)",
        "kind": difference.kind,
        "before": "" if difference.kind == "added" else _short(difference.before),
        "after": "" if difference.kind == "removed" else _short(difference.after),
    }


def _short(value: Any) -> str:
    text = compact(value)
    return text if len(text) <= LONG else f"{text[:LONG]}…"
