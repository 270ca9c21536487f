"""The Django app of gateway."""

from importlib import import_module

from django.apps import AppConfig

from deepstream_project.config import Config


class GatewayConfig(AppConfig):
    """Brings the ``deepstream`` management command and the check of the configuration.

    ``config`` is how the server of this process is configured, None if it runs none.
    """

    name = "gateway"
    verbose_name = "Gateway"
    config: Config | None = None

    def ready(self) -> None:
        """Register the check."""
        import_module("gateway.checks")
