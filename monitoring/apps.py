"""The Django app of monitoring."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """Shows operators what is live."""

    name = "monitoring"
    verbose_name = "Monitoring"
