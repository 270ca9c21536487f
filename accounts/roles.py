"""Who may do what on the operators' side: permissions by name, and the groups that bundle them.

Pages and the REST API ask ``user.has_perm(CHANGE_RECORDS)``; nobody asks for a group by name. The groups are
made by a migration; an administrator may change them, or make others.
"""

from __future__ import annotations

from typing import Any

VIEW_RECORDS = "records.view_record"
"""Look at records and their history."""
ADD_RECORDS = "records.add_record"
"""Create records."""
CHANGE_RECORDS = "records.change_record"
"""Change and restore records."""
DELETE_RECORDS = "records.delete_record"
"""Delete records."""

VIEW_LIVE = "accounts.view_live"
"""Look at nodes, clients, presence, live names, listening and metrics."""
DISCONNECT_CLIENTS = "accounts.disconnect_clients"
"""Close clients' connections."""
EMIT_EVENTS = "accounts.emit_events"
"""Emit events."""
MAKE_CALLS = "accounts.make_calls"
"""Call remote procedures."""

VIEW_RULES = "permissions.view_rulesetversion"
"""Look at rule sets, simulate and explain."""
EDIT_RULES = "accounts.edit_rules"
"""Make, change and throw away drafts of rule sets."""
ACTIVATE_RULES = "accounts.activate_rules"
"""Put a rule set in force, a new one or an earlier one."""

_VIEWER = (VIEW_RECORDS, VIEW_LIVE, VIEW_RULES)
_OPERATOR = (ADD_RECORDS, CHANGE_RECORDS, DELETE_RECORDS, DISCONNECT_CLIENTS, EMIT_EVENTS, MAKE_CALLS)
_RULE_EDITOR = (EDIT_RULES, ACTIVATE_RULES)
_ADMINISTRATOR = (
    *(f"auth.{may}_{what}" for what in ("user", "group") for may in ("add", "change", "delete", "view")),
    *(f"authtoken.{may}_tokenproxy" for may in ("add", "change", "delete", "view")),
    "admin.view_logentry",
)

GROUPS: dict[str, tuple[str, ...]] = {
    "viewer": _VIEWER,
    "operator": _VIEWER + _OPERATOR,
    "rule editor": _VIEWER + _RULE_EDITOR,
    "administrator": _VIEWER + _OPERATOR + _RULE_EDITOR + _ADMINISTRATOR,
}
"""The permissions of each group as it is made."""

CUSTOM: dict[str, str] = {
    "view_live": "Can look at nodes, clients and what is live",
    "disconnect_clients": "Can disconnect clients",
    "emit_events": "Can emit events",
    "make_calls": "Can call remote procedures",
    "edit_rules": "Can edit drafts of rule sets",
    "activate_rules": "Can activate and roll back rule sets",
}
"""The permissions of ``accounts.models.LiveServer``, by codename."""


def make_groups(apps: Any) -> None:
    """Make the groups that are missing; those which exist stay as they are.

    ``apps`` is Django's registry, or a migration's. Permissions are made where they are missing too, because
    Django makes them only when all migrations are done.
    """
    groups = apps.get_model("auth", "Group").objects
    for name, permissions in GROUPS.items():
        group, is_new = groups.get_or_create(name=name)
        if is_new:
            group.permissions.set([_permission(apps, permission) for permission in permissions])


def _permission(apps: Any, name: str) -> Any:
    label, codename = name.split(".")
    verb, _, noun = codename.partition("_")
    is_custom = codename in CUSTOM
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label=label, model="liveserver" if is_custom else noun
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type,
        codename=codename,
        defaults={"name": CUSTOM[codename] if is_custom else f"Can {verb} {_NOUNS.get(noun, noun)}"},
    )
    return permission


_NOUNS = {"rulesetversion": "rule set", "tokenproxy": "Token", "logentry": "log entry"}
