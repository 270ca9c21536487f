"""The Django app of gateway."""

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    """Brings the ``deepstream`` management command."""

    name = "gateway"
    verbose_name = "Gateway"
