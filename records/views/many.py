"""The list of records: as a list in some order, as the answer to a search, or as a tree by the slashes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.http import urlencode

from cluster import announce
from records import listing
from records.listing import COUNTED, LOOKED_AT, SORTED, Found, StoredSize
from records.models import Record
from records.views.page import RecordsPage

ROWS = 100

BRANCHES = 50
"""Rows of a tree: each folder is counted."""


class RecordList(RecordsPage):
    """All records, a page at a time; no page costs more than the first one."""

    title = "Records"
    lead = (
        "A record is a JSON document with a name. Clients that subscribed to it see each change at once; "
        "every write makes the next version."
    )
    template_name = "admin/records/list.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show what ``view``, ``prefix``, ``q``, ``order`` and ``after`` ask for."""
        asked = request.GET
        prefix, search = asked.get("prefix", ""), asked.get("q", "")
        order = asked.get("order", "name")
        if asked.get("view") == "tree" and not search:
            shown = self._tree(prefix, asked.get("after", ""))
        elif search:
            found = listing.names_with(search, asked.get("after", ""), prefix, ROWS)
            note = (
                ""
                if found.is_whole
                else f"{LOOKED_AT:,} names were looked at; the next page goes on behind them."
            )
            shown = self._list(found, note)
        elif order.removeprefix("-") in listing.ORDERS:
            start = asked.get("after", "0")
            found = listing.names_by(order, prefix, int(start) if start.isdecimal() else 0, ROWS)
            note = (
                ""
                if found.is_whole
                else f"Only the first {SORTED:,} by name are sorted: choose a longer prefix."
            )
            shown = self._list(found, note)
        else:
            shown = self._list(listing.names_after(asked.get("after", ""), prefix, ROWS), "")
        counted = listing.counted(prefix)
        is_later = "after" in asked
        return self.show(
            prefix=prefix,
            search=search,
            order=order,
            is_tree="above" in shown,
            is_later=is_later,
            choosable=any(not row.get("is_folder") for row in shown["rows"]),
            unstored=None if is_later else _unstored(prefix, search),
            count=f"more than {COUNTED:,}" if counted > COUNTED else f"{counted:,}",
            columns=[_column(asked, order, name, label) for name, label in _COLUMNS],
            next=_changed(asked, after=shown["then"]) if shown["then"] is not None else "",
            first=_changed(asked, after=None),
            as_list=_changed(asked, view=None, after=None),
            as_tree=_changed(asked, view="tree", after=None, q=None, order=None),
            **shown,
        )

    def _list(self, found: Found, note: str) -> dict[str, Any]:
        return {"rows": _rows(found.names), "then": found.then, "note": note}

    def _tree(self, prefix: str, after: str) -> dict[str, Any]:
        branches, then = listing.branches(prefix, after, BRANCHES)
        rows = {row["name"]: row for row in _rows([one.name for one in branches if not one.is_folder])}
        folders = [one.name for one in branches if one.is_folder]
        counts = dict(zip(folders, listing.counts(folders), strict=True))
        return {
            "rows": [
                _folder(prefix, one.name, counts[one.name])
                if one.is_folder
                else {"label": _label(prefix, one.name), **rows.get(one.name, {"name": one.name})}
                for one in branches
            ],
            "above": _above(prefix),
            "then": then,
            "note": "",
        }


PATIENCE = 0.2
"""Seconds that a list waits for what nodes say of records that are not stored."""


def _unstored(prefix: str, search: str) -> dict[str, Any] | None:
    """What a list cannot have because it is in memory alone: prefixes, and names that are live somewhere."""
    try:
        prefixes = announce.perform("records.unstored", timeout=PATIENCE, prefix=prefix, limit=1)["prefixes"]
        if not prefixes:
            return None
        outcomes = announce.perform_everywhere("records.unstored", timeout=PATIENCE, prefix=prefix)
    except announce.AnnounceError:
        return None
    live = {name for outcome in outcomes.values() if outcome.error is None for name in outcome.value["names"]}
    wanted = search.casefold()
    return {"prefixes": prefixes, "names": sorted(name for name in live if wanted in name.casefold())[:ROWS]}


_COLUMNS = (("name", "Name"), ("version", "Version"), ("size", "Size"), ("updated", "Updated"))


def _rows(names: list[str]) -> list[dict[str, Any]]:
    """What is shown of the records ``names``, in that order; those that went meanwhile are left out."""
    found = Record.objects.filter(name__in=names).annotate(size=StoredSize("data"))
    rows: dict[str, Any] = {row["name"]: row for row in found.values("name", "version", "updated_at", "size")}
    return [rows[name] for name in names if name in rows]


def _folder(prefix: str, name: str, counted: int) -> dict[str, Any]:
    return {
        "label": _label(prefix, name),
        "is_folder": True,
        "count": f"{COUNTED:,}+" if counted > COUNTED else f"{counted:,}",
        "query": urlencode({"view": "tree", "prefix": name}),
    }


def _label(prefix: str, name: str) -> str:
    """What a level below ``prefix`` calls a branch."""
    return name[len(prefix) :] or name


def _above(prefix: str) -> list[dict[str, str]]:
    """The levels that lead to ``prefix``, from the top."""
    levels = [{"label": "All", "query": "view=tree"}]
    parts = prefix.split("/")
    for depth in range(1, len(parts)):
        level = "/".join(parts[:depth]) + "/"
        levels.append(
            {"label": parts[depth - 1] + "/", "query": urlencode({"view": "tree", "prefix": level})}
        )
    if parts[-1]:
        levels.append({"label": parts[-1] + "…", "query": urlencode({"view": "tree", "prefix": prefix})})
    return levels


def _column(asked: QueryDict, order: str, name: str, label: str) -> dict[str, str]:
    """A heading: where it leads, and how the table is sorted by it now."""
    up, down = ("", "") if name == "name" else (name, f"-{name}")
    if name == "name":
        return {
            "name": name,
            "label": label,
            "sorted": "ascending"
            if order not in (f"{sign}{other}" for sign in ("", "-") for other in listing.ORDERS)
            else "",
            "query": _changed(asked, order=None, after=None),
        }
    return {
        "name": name,
        "label": label,
        "sorted": {up: "ascending", down: "descending"}.get(order, ""),
        "query": _changed(asked, order=up if order == down else down, after=None, view=None),
    }


def _changed(asked: QueryDict, **changes: str | None) -> str:
    """The query with other values; None takes one away."""
    query = asked.copy()
    for key, value in changes.items():
        if value is None:
            query.pop(key, None)
        else:
            query[key] = value
    return query.urlencode()
