"""The pages about what is live, and the journal, in the operators' site."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.roles import VIEW_LIVE
from monitoring.site import Page, site
from monitoring.views.clients import Client, Clients, Disconnect
from monitoring.views.dashboard import Dashboard
from monitoring.views.names import Events, Listening, Presence, Rpcs
from monitoring.words import when

PAGES = (
    Page(
        route="",
        view=Dashboard.as_view(),
        name="dashboard",
        permission=VIEW_LIVE,
        title="Dashboard",
        icon="dashboard",
        group="Overview",
    ),
    Page(
        route="clients/",
        view=Clients.as_view(),
        name="clients",
        permission=VIEW_LIVE,
        title="Clients",
        icon="devices",
    ),
    Page(route="client/", view=Client.as_view(), name="client", permission=VIEW_LIVE),
    Page(route="clients/disconnect/", view=Disconnect.as_view(), name="disconnect", permission=VIEW_LIVE),
    Page(
        route="events/",
        view=Events.as_view(),
        name="events",
        permission=VIEW_LIVE,
        title="Events",
        icon="bolt",
    ),
    Page(route="rpc/", view=Rpcs.as_view(), name="rpc", permission=VIEW_LIVE, title="RPC", icon="swap_horiz"),
    Page(
        route="presence/",
        view=Presence.as_view(),
        name="presence",
        permission=VIEW_LIVE,
        title="Presence",
        icon="groups",
    ),
    Page(
        route="listening/",
        view=Listening.as_view(),
        name="listening",
        permission=VIEW_LIVE,
        title="Listening",
        icon="hearing",
    ),
)

for page in PAGES:
    site().register_page(page)


@admin.register(LogEntry)
class JournalAdmin(ModelAdmin):
    """What operators did, for reading alone."""

    list_display = ("time", "who", "kind", "about", "text")
    list_filter = ("action_flag",)
    search_fields = ("object_repr", "change_message", "user__username")
    date_hierarchy = "action_time"
    list_select_related = ("user",)
    show_full_result_count = False

    @display(description="when", ordering="action_time")
    def time(self, entry: LogEntry) -> str:
        """To the second, in the server's zone."""
        return when(entry.action_time)

    @display(description="who", ordering="user__username")
    def who(self, entry: LogEntry) -> str:
        """The user."""
        return entry.user.get_username()

    @display(description="kind", ordering="action_flag")
    def kind(self, entry: LogEntry) -> str:
        """Addition, change or deletion."""
        return entry.get_action_flag_display()

    @display(description="about", ordering="object_repr")
    def about(self, entry: LogEntry) -> str:
        """The name of what was changed."""
        return entry.object_repr

    @display(description="what was done")
    def text(self, entry: LogEntry) -> str:
        """In words, whoever wrote it: our pages plain ones, Django's pages a list of changes."""
        return entry.get_change_message()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody writes into it by hand,"""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """nor changes it,"""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """nor takes anything out."""
        return False
