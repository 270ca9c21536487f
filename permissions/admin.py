"""Rules in the admin: the list of versions, and the way to the pages about them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.roles import ACTIVATE_RULES, EDIT_RULES, VIEW_RULES
from monitoring.site import Page, site
from monitoring.words import when
from permissions.models import RuleSetVersion
from permissions.views.denials import Decision, Denials
from permissions.views.simulator import Simulator
from permissions.views.trials import Recording, Trial
from permissions.views.versions import Activate, Compare, Draft, Show, check

State = RuleSetVersion.State


@admin.register(RuleSetVersion)
class RuleSetAdmin(ModelAdmin):
    """Versions are looked at, written anew, compared, put in force; never changed. Drafts can be deleted."""

    list_display = ("version", "shown_state", "comment", "author", "created", "activated", "wrong")
    list_display_links = ("version",)
    list_filter = ("state",)
    search_fields = ("comment", "author", "activated_by", "activation_comment")
    search_help_text = "who or why"
    ordering = ("-number",)
    list_per_page = 50
    show_full_result_count = False
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleSetVersion]:
        """Without the texts, which may be long."""
        return super().get_queryset(request).defer("source", "document")

    @display(description="version", ordering="number")
    def version(self, rule_set: RuleSetVersion) -> str:
        """The number."""
        return str(rule_set.number)

    @display(
        description="state",
        ordering="state",
        label={State.ACTIVE: "success", State.DRAFT: "info", State.PAST: "default"},
    )
    def shown_state(self, rule_set: RuleSetVersion) -> str:
        """The state as a label."""
        return rule_set.state

    @display(description="written", ordering="created_at")
    def created(self, rule_set: RuleSetVersion) -> str:
        """When it was written."""
        return when(rule_set.created_at)

    @display(description="activated", ordering="activated_at")
    def activated(self, rule_set: RuleSetVersion) -> str:
        """When and by whom, and from which version it came."""
        if rule_set.activated_at is None:
            return "-"
        origin = f", from {rule_set.came_from_id}" if rule_set.came_from_id else ""
        return f"{when(rule_set.activated_at)} by {rule_set.activated_by}{origin}"

    @display(description="problems")
    def wrong(self, rule_set: RuleSetVersion) -> str:
        """How many there were when it was written."""
        return str(len(rule_set.problems)) if rule_set.problems else "-"

    # Who may do what

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See ``accounts.roles``."""
        return request.user.has_perm(VIEW_RULES)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The same."""
        return request.user.has_perm(VIEW_RULES)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever edits."""
        return request.user.has_perm(EDIT_RULES)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: the text of a version never changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Drafts, by whoever edits; what was in force is kept for a roll-back."""
        return request.user.has_perm(EDIT_RULES) and (obj is None or obj.state == State.DRAFT)

    # Pages

    def get_urls(self) -> list[URLPattern]:
        """The pages about versions before Django's own."""
        return [
            path("check/", self._guarded(require_POST(check), EDIT_RULES), name="rules_check"),
            path("<int:number>/compare/", self._guarded(Compare.as_view(), VIEW_RULES), name="rules_compare"),
            path(
                "<int:number>/activate/",
                self._guarded(Activate.as_view(), ACTIVATE_RULES),
                name="rules_activate",
            ),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One version; nothing of it can be changed."""
        _require(request, VIEW_RULES)
        return Show.as_view()(request, number=object_id)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The editor."""
        _require(request, EDIT_RULES)
        return Draft.as_view()(request)

    def _guarded(self, view: Any, permission: str) -> Any:
        def guarded(request: HttpRequest, *arguments: Any, **options: Any) -> Any:
            _require(request, permission)
            return view(request, *arguments, **options)

        return self.admin_site.admin_view(guarded)


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _register_pages() -> None:
    pages: tuple[tuple[str, Any, str, str], ...] = (
        ("simulator", Simulator, "Simulator", "rule_settings"),
        ("denials", Denials, "Denials", "block"),
        ("trial", Trial, "Try a draft", "science"),
        ("decision", Decision, "", ""),
        ("recording", Recording, "", ""),
    )
    for name, view, title, icon in pages:
        site().register_page(
            Page(
                route=f"rules/{name}/",
                view=view.as_view(),
                name=f"rules_{name}",
                permission=VIEW_RULES,
                title=title,
                icon=icon,
                group="Rules",
            )
        )


_register_pages()
