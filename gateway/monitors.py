"""What runs beside a node to say how it is: figures for those who are configured to get them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from deepstream_project.config_services import MonitoringConfig
from gateway.node import Node
from monitoring.log_reports import LogReports
from monitoring.loop_lag import LoopLag
from monitoring.report import Period, State


class Monitors:
    """Measures the event loop's lag and writes the reports to the log; ``periods`` are for the pages.

    ``nodes()`` is how many nodes the cluster has now.
    """

    def __init__(
        self, node: Node, settings: Sequence[MonitoringConfig], *, nodes: Callable[[], int] = lambda: 1
    ) -> None:
        loop = asyncio.get_running_loop()
        self._node = node
        self._nodes = nodes
        self._lag = LoopLag(loop, node.metrics.loop_lag)
        self.periods = {one.url: self._period() for one in settings if one.type == "http"}
        self._reports = [
            LogReports(loop, self._period().take, interval=one.log_interval, key=one.monitoring_key)
            for one in settings
            if one.type == "log"
        ]

    def close(self) -> None:
        """Cancel the timers."""
        self._lag.close()
        for report in self._reports:
            report.close()

    def state(self) -> State:
        """What there is now."""
        node = self._node
        traffic = [session.connection.traffic for session in node.sessions()]
        return State(
            nodes=self._nodes(),
            connections=len(traffic),
            deliveries=node.metrics.deliveries,
            bytes_received=node.metrics.bytes_received + sum(received for received, _ in traffic),
            bytes_sent=node.metrics.bytes_sent + sum(sent for _, sent in traffic),
            names={
                "EVENT_SUBSCRIPTIONS": len(node.events.subscriptions.names()),
                "EVENT_LISTEN_PATTERNS": len(node.events.listening.patterns()),
                "EVENT_PUBLISHED_SUBSCRIPTIONS": len(node.events.listening.provided()),
                "RECORD_SUBSCRIPTIONS": len(node.records.subscriptions.names()),
                "RECORD_LISTEN_PATTERNS": len(node.records.listening.patterns()),
                "RECORD_PUBLISHED_SUBSCRIPTIONS": len(node.records.listening.provided()),
                "RPC_SUBSCRIPTIONS": len(node.rpc.providers.names()),
                "PRESENCE_SUBSCRIPTIONS": len(node.presence.by_user.names()),
            },
        )

    def _period(self) -> Period:
        return Period(self._node.metrics, self.state)
