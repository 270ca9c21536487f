"""The Django app of presence."""

from django.apps import AppConfig


class PresenceConfig(AppConfig):
    """Has no tables: presence is what the nodes hold in memory."""

    name = "presence"
    verbose_name = "Presence"
