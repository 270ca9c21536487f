"""The page for Prometheus: what the nodes count, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from secrets import compare_digest
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from accounts.roles import VIEW_LIVE
from cluster import announce
from monitoring.metrics import errors_of
from monitoring.views.page import TIMEOUT

HOW = (
    "The metrics are for staff, and for whoever sends the header"
    " `Authorization: Bearer TOKEN` with the METRICS_TOKEN of the server's environment.\n"
)


def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics: all nodes, each sample with its ``node``; ``?node=here`` the answering process alone.

    Which process answers is up to the kernel where several share a port, and a counter must not jump.
    """
    if request.method not in ("GET", "HEAD"):
        return _text("Only GET.\n", 405, {"Allow": "GET, HEAD"})
    if not _may_read(request):
        return _text(HOW, 401, {"WWW-Authenticate": 'Bearer realm="metrics"'})
    try:
        outcomes = _asked(request.GET.get("node"))
    except announce.AnnounceError as error:
        return _text(f"{error}\n", 503)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Nodes(outcomes))
    answer = HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    patch_cache_control(answer, no_store=True)
    return answer


def _asked(node: str | None) -> Mapping[str, dict[str, Any] | None]:
    """What each node told, None from one that did not answer."""
    if node == "here":
        told = announce.perform("nodes.metrics", timeout=TIMEOUT)
        return {told["server"]: told}
    outcomes = announce.perform_everywhere("nodes.metrics", timeout=TIMEOUT)
    return {name: None if outcome.error else outcome.value for name, outcome in outcomes.items()}


def _may_read(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if token and scheme.lower() == "bearer":
        return compare_digest(given.strip().encode(), token.encode())
    user = request.user
    return user.is_active and user.is_staff and user.has_perm(VIEW_LIVE)


def _text(text: str, status: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8", headers=headers)


class _Nodes:
    """The answers of all nodes as metrics, each sample with the label ``node``."""

    def __init__(self, answers: Mapping[str, dict[str, Any] | None]) -> None:
        self._answers = answers

    def collect(self) -> Iterator[Metric]:
        """What ``generate_latest`` asks for."""
        up = GaugeMetricFamily("deepstream_up", "Whether the node answered.", labels=["node"])
        merged: dict[str, Metric] = {}
        for node, told in self._answers.items():
            up.add_metric([node], told is not None)
            for family in _Told(told).collect() if told else ():
                whole = Metric(family.name, family.documentation, family.type)
                merged.setdefault(family.name, whole).samples += [
                    sample._replace(labels={**sample.labels, "node": node}) for sample in family.samples
                ]
        yield up
        yield from merged.values()


class _Told:
    """The answer of one node as metrics."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told

    def collect(self) -> Iterator[Metric]:
        """Every metric of the node."""
        yield from self._process()
        yield from self._messages()
        yield from self._connections()
        yield from self._store()

    def _process(self) -> Iterator[Metric]:
        told = self._told
        about = {name: str(told[name]) for name in ("server", "version", "python")}
        yield _labelled(GaugeMetricFamily, "deepstream_info", "What runs here.", {tuple(about.items()): 1})
        yield _gauge("deepstream_start_time_seconds", "When it started.", told["started"] / 1000)
        yield _gauge("process_resident_memory_bytes", "Memory that the process has.", told["memory"])
        yield CounterMetricFamily(
            "process_cpu_seconds", "Processor time, of user and system.", value=told["cpu"]
        )
        yield _histogram("deepstream_event_loop_lag_seconds", "How late the event loop is.", told["lag"])
        if told["busLag"] is not None:
            yield _gauge(
                "deepstream_bus_lag_seconds", "How long a message between nodes takes.", told["busLag"]
            )

    def _messages(self) -> Iterator[Metric]:
        told = self._told
        for key, name, text in (
            ("received", "deepstream_messages_received", "Messages from clients."),
            ("made", "deepstream_messages_made", "Messages made for clients, a broadcast once per wire."),
        ):
            yield _labelled(CounterMetricFamily, name, text, _by_action(told[key]))
        errors: Values = {(("error", error),): number for error, number in errors_of(told["made"]).items()}
        yield _labelled(CounterMetricFamily, "deepstream_errors", "Errors that clients were told.", errors)
        yield _counter("deepstream_deliveries", "Frames handed to sockets.", told["deliveries"])
        for way, text in (("received", "Bytes from clients."), ("sent", "Bytes to clients.")):
            yield _counter(f"deepstream_{way}_bytes", text, told["bytes"][way])
        yield _gauge("deepstream_rpc_calls_in_flight", "Calls that wait for an answer.", told["calls"])
        names: Values = {(("kind", kind),): number for kind, number in told["names"].items()}
        text = "Events and records with subscribers, RPCs with providers, users online."
        yield _labelled(GaugeMetricFamily, "deepstream_live_names", text, names)

    def _connections(self) -> Iterator[Metric]:
        told = self._told
        now: Values = {(("endpoint", path),): number for path, number in told["endpoints"].items()}
        yield _labelled(GaugeMetricFamily, "deepstream_connections", "Open connections.", now)
        yield _counter("deepstream_connections_opened", "Connections that were opened.", told["opened"])
        closed: Values = {(("code", code),): number for code, number in told["closed"].items()}
        yield _labelled(CounterMetricFamily, "deepstream_connections_closed", "By close code.", closed)
        logins: Values = {
            (("door", door), ("result", result)): number
            for door, results in told["logins"].items()
            for result, number in results.items()
        }
        yield _labelled(CounterMetricFamily, "deepstream_logins", "Logins.", logins)

    def _store(self) -> Iterator[Metric]:
        told, store = self._told, self._told["store"]
        yield _histogram("deepstream_store_commit_seconds", "Commits of a group of writes.", told["commits"])
        yield _histogram("deepstream_store_load_seconds", "Reads of the store.", told["loads"])
        yield _gauge("deepstream_store_backlog", "Writes that are not settled yet.", told["backlog"])
        yield _counter("deepstream_store_rows", "Rows that were committed.", store["rows"])
        yield _counter(
            "deepstream_store_conflicts", "Rows that another node was faster with.", store["conflicts"]
        )
        failures: Values = {
            (("what", "commit"),): store["commitFailures"],
            (("what", "load"),): store["loadFailures"],
        }
        yield _labelled(CounterMetricFamily, "deepstream_store_failures", "Failures of the store.", failures)


Labels = tuple[tuple[str, str], ...]
Values = Mapping[Labels, float]


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _labelled(kind: Any, name: str, text: str, values: Values) -> Metric:
    first = next(iter(values), ())
    family: Metric = kind(name, text, labels=[label for label, _ in first])
    for labels, value in values.items():
        family.add_metric([text for _, text in labels], value)  # type: ignore[attr-defined]
    return family


def _histogram(name: str, text: str, told: Mapping[str, Any]) -> Metric:
    bounds: Iterable[str] = [*(str(bound) for bound in told["bounds"]), "+Inf"]
    buckets = list(zip(bounds, accumulate(told["counts"]), strict=True))
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=told["sum"])


def _by_action(counted: Mapping[str, Mapping[str, int]]) -> Values:
    return {
        (("topic", topic), ("action", action)): number
        for topic, actions in counted.items()
        for action, number in actions.items()
    }
