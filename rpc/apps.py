"""The Django app of rpc."""

from django.apps import AppConfig


class RpcConfig(AppConfig):
    """Has no tables: a call lives as long as its timeouts."""

    name = "rpc"
    verbose_name = "Remote procedure calls"
