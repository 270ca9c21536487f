"""The Django app of cluster."""

from django.apps import AppConfig


class ClusterConfig(AppConfig):
    """Joins the server processes that share a channel layer."""

    name = "cluster"
    verbose_name = "Cluster"
