"""The Django app of records."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """Holds the table of records."""

    name = "records"
    verbose_name = "Records"
