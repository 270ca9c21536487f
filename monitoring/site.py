"""The operators' site: Django's admin with the pages that show what is live, and its sidebar.

A page beside those of models is registered from an app's ``admin`` module, which Django loads at start:

    from monitoring.site import Page, site

    site().register_page(
        Page("clients/", Clients.as_view(), name="clients", permission=VIEW_LIVE, title="Clients")
    )

and is then ``/admin/clients/``, or ``reverse("admin:clients")``. Views derive from
``monitoring.views.page.OperatorsPage``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, reverse
from unfold.sites import UnfoldAdminSite

View = Callable[..., HttpResponseBase]

GROUPS = ("Overview", "Live", "Data", "Rules", "Access", "Journal")
"""The sidebar's groups, from the top; others follow them."""

MODELS = {
    "records": ("Data", "database"),
    "permissions": ("Rules", "rule"),
    "auth": ("Access", "person"),
    "auth.Group": ("Access", "group"),
    "authtoken": ("Access", "key"),
    "admin": ("Journal", "history"),
}
"""Group and icon of an app's models, or of a single one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the site: ``route`` is below /admin/, as ``django.urls.path`` reads it.

    Only staff with ``permission`` gets in. A page without a ``title`` is not in the sidebar; one whose route
    is empty is the site's first page, for those who may see it.
    """

    route: str
    view: View
    name: str
    permission: str
    title: str = ""
    icon: str = ""
    group: str = "Live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A page outside the site that all staff may see: ``url_name`` is what ``reverse`` knows it by."""

    url_name: str
    title: str
    icon: str
    group: str


LINKS = (Link(url_name="rest:docs", title="REST API", icon="api", group="Access"),)
"""Links in the sidebar, behind the pages and models of their group."""


class OperatorsSite(UnfoldAdminSite):
    """Django's admin site with pages that belong to no model."""

    site_title = "deepstream"
    site_header = "deepstream"
    index_title = "Dashboard"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self._pages: dict[str, Page] = {}

    def register_page(self, page: Page) -> None:
        """Offer ``page``; one of the same name is replaced."""
        self._pages[page.name] = page

    def extra_urls(self) -> list[URLPattern]:
        """The routes of the pages; unfold puts them before those of the models."""
        return [
            path(page.route, self.admin_view(_permitted(page)), name=page.name)
            for page in self._pages.values()
            if page.route
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The page without a route, else the list of models."""
        first = next((page for page in self._pages.values() if not page.route), None)
        if first is not None and request.user.has_perm(first.permission):
            return first.view(request)
        return super().index(request, extra_context)

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Pages and models together, by group; only what the user may see."""
        groups: dict[str, list[dict[str, Any]]] = {name: [] for name in GROUPS}
        for group, item in [*self._page_items(request), *self._model_items(request), *_links(request)]:
            groups.setdefault(group, []).append(item)
        return [
            {"title": name, "items": self._get_navigation_items(request, items)}
            for name, items in groups.items()
            if items
        ]

    def _page_items(self, request: HttpRequest) -> Iterator[tuple[str, dict[str, Any]]]:
        for page in self._pages.values():
            if page.title and request.user.has_perm(page.permission):
                link = reverse(f"{self.name}:{page.name if page.route else 'index'}")
                yield page.group, {"title": page.title, "icon": page.icon, "link": link}

    def _model_items(self, request: HttpRequest) -> Iterator[tuple[str, dict[str, Any]]]:
        for app in self.get_app_list(request):
            for model in app["models"]:
                label = f"{app['app_label']}.{model['object_name']}"
                place = MODELS.get(label) or MODELS.get(app["app_label"], (app["name"], "table"))
                if link := model["admin_url"] or model["add_url"]:
                    yield place[0], {"title": str(model["name"]), "icon": place[1], "link": link}


def _links(request: HttpRequest) -> Iterator[tuple[str, dict[str, Any]]]:
    user = request.user
    for link in LINKS if user.is_active and user.is_staff else ():
        yield link.group, {"title": link.title, "icon": link.icon, "link": reverse(link.url_name)}


def site() -> OperatorsSite:
    """The site of this project, for registering pages with it."""
    chosen = admin.site
    assert isinstance(chosen, OperatorsSite)
    return chosen


def _permitted(page: Page) -> View:
    """``page.view`` for those who have its permission; all other staff is told that it may not."""

    @wraps(page.view)
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(page.permission):
            raise PermissionDenied
        return page.view(request, *args, **kwargs)

    return view
