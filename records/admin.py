"""Records among Django's models: where their pages are, in the place of those that Django would make.

A record is known by its name, also in Django's own links and its log; rows may come and go behind it.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from unfold.admin import ModelAdmin

from records.models import Record
from records.views.history import Comparison, Version, Versions
from records.views.many import RecordList
from records.views.one import NewRecord, RecordPage
from records.views.page import ONE
from records.views.removal import Removal
from records.views.transfer import Export, Import

PAGES: dict[str, Any] = {
    "one": RecordPage,
    "remove": Removal,
    "import": Import,
    "export": Export,
    "versions": Versions,
    "version": Version,
    "compare": Comparison,
}
"""Pages below that of all records, named ``records_record_<key>``; names are in their queries."""


@admin.register(Record)
class RecordAdmin(ModelAdmin):
    """The pages of ``records.views`` at the addresses where Django looks for those of a model."""

    def get_urls(self) -> list[URLPattern]:
        """Ours first; Django's own lead to them."""
        ours = [
            path(f"{name}/", self.admin_site.admin_view(page.as_view()), name=f"records_record_{name}")
            for name, page in PAGES.items()
        ]
        return [*ours, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The list of records."""
        return RecordList.as_view()(request)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """The form for a new one."""
        return NewRecord.as_view()(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What the admin's log links to."""
        return _page(ONE, object_id)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """The dry run for one record."""
        return _page("records_record_remove", object_id)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The history of the record, rather than that of what operators did to it."""
        return _page("records_record_versions", object_id)


def _page(page: str, object_id: str) -> HttpResponse:
    query = urlencode({"name": unquote(object_id)})
    return HttpResponseRedirect(f"{reverse(f'admin:{page}')}?{query}")
