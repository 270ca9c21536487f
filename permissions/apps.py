"""The Django app of permissions."""

from django.apps import AppConfig


class PermissionsConfig(AppConfig):
    """Holds the rules that are kept in the database."""

    name = "permissions"
    verbose_name = "Permissions"
