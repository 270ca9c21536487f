"""Figures in the REST API."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import VIEW_LIVE
from rest.nodes import ask, described, rows
from rest.views import Endpoint


class MetricsOfNodes(Endpoint):
    """What each node counts about itself."""

    needs: ClassVar[dict[str, str]] = {"GET": VIEW_LIVE}

    @extend_schema(operation_id="metrics", tags=["metrics"], responses=described(nodes=rows(node="string")))
    def get(self, request: Request) -> Response:
        """Everything that the nodes count, since each one's start.

        Counters only grow: a rate is the difference of two answers over the difference of their `at`, in ms.
        """
        answers = ask("nodes.metrics")
        nodes = [{"node": node, **said} for node, said in answers.said.items()]
        return Response({"nodes": nodes, "unanswered": answers.unanswered})
