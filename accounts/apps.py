"""The Django app of accounts."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Makes login strategies of what Django knows about users."""

    name = "accounts"
    verbose_name = "Accounts"
