"""The Django app of permissions."""

from __future__ import annotations

from typing import Any, Protocol

from django.apps import AppConfig

from deepstream_project.config_services import PermissionConfig


class RulesServer(Protocol):
    """A server in this process, as far as rule sets concern it."""

    permission: PermissionConfig
    """How it is configured."""

    def look(self) -> None:
        """See at once which rule set is active; called from any thread."""


class PermissionsConfig(AppConfig):
    """Holds the rule sets that are kept in the database, and knows the servers of this process."""

    name = "permissions"
    verbose_name = "Permissions"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.servers: list[RulesServer] = []

    def tell_servers(self) -> None:
        """Another rule set is active; servers in other processes see it by themselves."""
        for server in tuple(self.servers):
            server.look()
