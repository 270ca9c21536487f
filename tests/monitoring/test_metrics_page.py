"""/metrics: what Prometheus reads, and who else may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from cluster import announce
from cluster.operations import OperationError, Outcome
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, Topic
from tests.monitoring.conftest import NODE, LiveNode

TOKEN = "a-token-for-prometheus"


@pytest.fixture(autouse=True)
def token(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN


def values(text: str) -> dict[tuple[str, ...], float]:
    """Every sample: name and labels to value."""
    return {
        (
            sample.name,
            *(f"{name}={value}" for name, value in sorted(sample.labels.items()) if name != "node"),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read(client: Client | None = None, token: str | None = TOKEN) -> tuple[int, str]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = (client or Client()).get("/metrics", headers=headers)
    return answer.status_code, answer.content.decode()


@pytest.mark.django_db
def test_prometheus_reads_with_the_token_what_the_node_counts(live: LiveNode) -> None:
    peer = live.login("bob")

    async def subscribe() -> None:
        peer.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=["a"]))
        peer.send(Message(Topic.EVENT, EventAction.EMIT, name="a", data="no json"))
        peer.take()

    live.run(subscribe())
    status, text = read()
    assert status == 200
    found = values(text)
    assert found["deepstream_messages_received_total", "action=SUBSCRIBE", "topic=EVENT"] == 1
    assert found["deepstream_errors_total", "error=INVALID_MESSAGE_DATA"] == 1
    assert found["deepstream_connections", "endpoint=/deepstream"] == 1
    assert found["deepstream_logins_total", "door=websocket", "result=accepted"] == 1
    assert found["deepstream_live_names", "kind=events"] == 1
    assert found["process_resident_memory_bytes",] > 1e6
    assert (
        found["deepstream_event_loop_lag_seconds_bucket", "le=+Inf"]
        == found["deepstream_event_loop_lag_seconds_count",]
    )
    assert "deepstream_store_commit_seconds_sum" in text


@pytest.mark.django_db
def test_every_sample_says_whose_it_is_and_a_node_that_does_not_answer_is_down(
    live: LiveNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = announce.perform("nodes.metrics")

    def answers(operation: str, **_: Any) -> dict[str, Outcome]:
        lost = Outcome(error=OperationError("timeout", "No answer."))
        return {NODE: Outcome(told), "two": Outcome(told | {"deliveries": 7}), "three": lost}

    monkeypatch.setattr(announce, "perform_everywhere", answers)
    families = {family.name: family for family in text_string_to_metric_families(read()[1])}

    def by_node(name: str) -> dict[str, float]:
        return {sample.labels["node"]: sample.value for sample in families[name].samples}

    assert by_node("deepstream_up") == {NODE: 1, "two": 1, "three": 0}
    assert by_node("deepstream_deliveries") == {NODE: 0, "two": 7}
    for family in families.values():
        assert all("node" in sample.labels for sample in family.samples)


@pytest.mark.django_db
def test_the_process_that_answers_can_be_read_alone(live: LiveNode) -> None:
    text = Client().get("/metrics?node=here", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
    [up] = [family for family in text_string_to_metric_families(text) if family.name == "deepstream_up"]
    assert len(up.samples) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [None, "", "another", TOKEN[:-1]])
def test_who_has_not_the_token_is_refused_and_told_how(live: LiveNode, wrong: str | None) -> None:
    status, text = read(token=wrong)
    assert status == 401
    assert "METRICS_TOKEN" in text
    assert TOKEN not in text


def test_without_a_token_in_the_environment_none_is_right(
    live: LiveNode, db: None, settings: Settings
) -> None:
    settings.METRICS_TOKEN = ""
    assert read(token="")[0] == 401
    assert read(token=TOKEN)[0] == 401


def test_staff_that_may_look_reads_them_with_its_session(
    live: LiveNode, as_user: Callable[..., Client]
) -> None:
    assert read(as_user("viewer"), token=None)[0] == 200
    assert read(as_user(None, name="ned"), token=None)[0] == 401
    assert read(as_user("viewer", name="uma", staff=False), token=None)[0] == 401


@pytest.mark.django_db
def test_without_a_node_the_reason_is_told() -> None:
    status, text = read()
    assert status == 503
    assert "No server runs in this process" in text


@pytest.mark.django_db
def test_they_are_only_for_reading() -> None:
    assert Client().post("/metrics").status_code == 405
