"""The Django app of cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from cluster.operations import Here


class ClusterConfig(AppConfig):
    """Joins the server processes that share a channel layer.

    ``here`` is the node that this process runs, None if it runs none: the one door through which
    ``cluster.announce`` finds it.
    """

    name = "cluster"
    verbose_name = "Cluster"

    here: Here | None = None
