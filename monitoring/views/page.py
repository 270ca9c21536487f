"""What the operators' pages have in common: the site around them, and asking the nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.generic import TemplateView

from cluster import announce

LIVE_PATH = "/admin/live"
"""The WebSocket of the operators' pages; ``gateway.live.operators`` serves it."""

TIMEOUT = 3.0
"""Seconds that a page waits for a node."""


class OperatorsPage(TemplateView):
    """A page inside the operators' site: give it a ``title`` and a ``template_name``.

    Its template extends ``monitoring/page.html``, and its script imports ``monitoring/live.js``, which gives
    it what ``snapshot``, ``details`` and ``urls`` return: JSON that stands in the page as ``#page-data``.
    """

    title = ""

    lead = ""
    """What the page is about, in a sentence or two for those who see it for the first time."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The site's context, the title, and ``page`` for the script."""
        problem, snapshot = "", None
        try:
            snapshot = self.snapshot()
        except announce.AnnounceError as error:
            problem = str(error)
        may = sorted(self.request.user.get_all_permissions())
        context = {
            **admin.site.each_context(self.request),
            "title": self.title,
            "lead": self.lead,
            "problem": problem,
            "may": may,
            "page": {
                "live": LIVE_PATH,
                "may": may,
                "problem": problem,
                "snapshot": snapshot,
                "details": self.details(),
                "urls": {name: reverse(f"admin:{name}") for name in self.links},
            },
        }
        return super().get_context_data(**context | kwargs)

    links: tuple[str, ...] = ()
    """Pages of the site whose addresses the script needs."""

    def snapshot(self) -> Any:
        """What there is now, for the page's script; may ask the nodes and raise ``AnnounceError``."""
        return None

    def details(self) -> dict[str, Any]:
        """What the script needs to know beside that."""
        return {}

    def back(self, text: str, *, failed: bool = False, **query: str) -> HttpResponse:
        """Show this page again, and say ``text`` there."""
        return go(self.request, self.request.resolver_match.url_name, text, failed=failed, **query)  # type: ignore[union-attr, arg-type]


def go(request: HttpRequest, page: str, text: str, *, failed: bool = False, **query: str) -> HttpResponse:
    """Go on to ``page`` of the site, and say ``text`` there."""
    (messages.error if failed else messages.success)(request, text)
    return HttpResponseRedirect(reverse(f"admin:{page}") + (f"?{urlencode(query)}" if query else ""))


def ask_all(operation: str, **arguments: Any) -> dict[str, Any]:
    """What every node answers to ``operation``, in the form in which live pages get it later.

    ``nodes`` has the answers by node, ``failed`` the reasons of nodes that gave none.
    """
    return merged(announce.perform_everywhere(operation, timeout=TIMEOUT, **arguments))


def ask_one(operation: str, node: str, **arguments: Any) -> dict[str, Any]:
    """The same from one node."""
    try:
        value = announce.perform(operation, node=node, timeout=TIMEOUT, **arguments)
    except announce.NoServer:
        raise
    except announce.AnnounceError as error:
        return {"nodes": {}, "failed": {node: str(error)}}
    return {"nodes": {node: value}, "failed": {}}


def merged(outcomes: Mapping[str, Any]) -> dict[str, Any]:
    """See ``ask_all``; ``outcomes`` are those of ``perform_everywhere``."""
    return {
        "nodes": {node: outcome.value for node, outcome in outcomes.items() if outcome.error is None},
        "failed": {node: outcome.error.text for node, outcome in outcomes.items() if outcome.error},
    }
