"""The first page: how the nodes are, and what went through them in the last minutes."""

from __future__ import annotations

from typing import Any

from monitoring.views.page import OperatorsPage, ask_all


class Dashboard(OperatorsPage):
    """Nodes, figures and charts; the page works out rates and quantiles from counts."""

    title = "Dashboard"
    lead = "How the nodes of this server are, and what passes through them at this moment."
    template_name = "monitoring/dashboard.html"
    links = ("clients",)

    def snapshot(self) -> Any:
        """The history of the last minutes, and how the nodes are now."""
        return {"history": ask_all("nodes.history"), "status": ask_all("nodes.status")}
