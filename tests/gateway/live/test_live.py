"""What is live at a node, asked by operations while clients use it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from cluster.operations import OperationError
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, PresenceAction, RecordAction, RpcAction, Topic
from gateway.live import rows as live_rows
from gateway.live.operations import ORDERS, Live
from gateway.live.status import LiveStatus
from gateway.node import Node
from gateway.operations import Operations
from tests.gateway.node_kit import Peer, running

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with running() as node:
        yield node


@pytest.fixture
async def ask(node: Node) -> AsyncIterator[Ask]:
    """Perform an operation by its name."""
    live, operations = Live(node), Operations(node)
    operations.add(live.operations())

    async def perform(operation: str, **arguments: Any) -> Any:
        return await operations.perform(operation, arguments)

    yield perform
    live.close()


def client(node: Node, name: str, path: str = "/deepstream", **options: Any) -> Peer:
    return Peer(node, path, **options).log_in(name)


def events(peer: Peer, *names: str) -> None:
    peer.send(Message(Topic.EVENT, EventAction.SUBSCRIBE, names=list(names)))
    peer.take()


# Clients


async def test_a_list_that_is_cut_off_begins_with_what_is_asked_for(node: Node, ask: Ask) -> None:
    _, bob, carol = (client(node, name) for name in ("ann", "bob", "carol"))
    events(bob, "a", "b", "c")
    carol.transport.received, bob.transport.sent, bob.transport.buffered = 9, 8, 7

    async def first(order: str) -> Any:
        answer = await ask("clients.list", limit=1, order=order)
        assert answer["total"] == 3
        return answer["clients"][0]["user"]

    assert await first("oldest") == "ann"
    assert await first("newest") == "carol"
    assert await first("outbox") == "bob"
    assert await first("received") == "carol"
    assert await first("sent") == "bob"
    assert await first("subscriptions") == "bob"
    assert await first("silent") == "ann"
    assert {await first(order) for order in ORDERS} == {"ann", "bob", "carol"}
    with pytest.raises(OperationError, match="no order 'colour', but oldest, newest"):
        await ask("clients.list", order="colour")


async def test_a_client_is_listed_with_who_and_what_it_is(node: Node, ask: Ask) -> None:
    ann = client(node, "ann", address="10.1.2.3:55")
    events(ann, "a", "b")
    answer = await ask("clients.list")
    [row] = answer["clients"]
    assert (answer["total"], answer["complete"]) == (1, True)
    assert (row["user"], row["address"], row["wire"], row["subscriptions"]) == (
        "ann",
        "10.1.2.3:55",
        "binary",
        2,
    )
    assert row["loggedIn"] is True
    assert row["since"] <= row["heard"]


async def test_a_client_that_has_not_logged_in_is_listed_too(node: Node, ask: Ask) -> None:
    Peer(node).challenge()
    [row] = (await ask("clients.list"))["clients"]
    assert (row["user"], row["loggedIn"]) == (None, False)


async def test_clients_are_found_by_user_and_by_a_part_of_what_is_known(node: Node, ask: Ask) -> None:
    client(node, "ann", address="10.0.0.1:1")
    client(node, "anna", "/deepstream-json", address="10.0.0.2:1")
    assert [row["user"] for row in (await ask("clients.list", user="ann"))["clients"]] == ["ann"]
    assert [row["user"] for row in (await ask("clients.list", search="ANN"))["clients"]] == ["ann", "anna"]
    assert [row["user"] for row in (await ask("clients.list", search="0.2:1"))["clients"]] == ["anna"]


async def test_a_list_goes_on_behind_the_last_one(node: Node, ask: Ask) -> None:
    for name in "abcde":
        client(node, name, "/deepstream" if name in "ace" else "/deepstream-json")
    first = await ask("clients.list", limit=2)
    assert [row["user"] for row in first["clients"]] == ["a", "b"]
    assert first["total"] == 5
    rest = await ask("clients.list", after=first["clients"][-1]["id"])
    assert [row["user"] for row in rest["clients"]] == ["c", "d", "e"]


async def test_one_client_is_shown_with_all_that_it_is_at(node: Node, ask: Ask) -> None:
    ann = client(node, "ann")
    events(ann, "news")
    ann.send(Message(Topic.RPC, RpcAction.PROVIDE, names=["add"]))
    ann.send(Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE, names=["bob"]))
    ann.send(Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE_ALL))
    ann.send(Message(Topic.EVENT, EventAction.LISTEN, name="^e"))
    ann.send(Message(Topic.RECORD, RecordAction.LISTEN, name="^r"))
    ann.send(Message(Topic.RECORD, RecordAction.SUBSCRIBE, names=["r/1", "r/2"]))
    await ann.idle()
    shown = await ask("clients.get", client=ann.connection.id)
    assert shown["events"] == {"total": 1, "names": ["news"]}
    assert shown["records"] == {"total": 2, "names": ["r/1", "r/2"]}
    assert shown["presence"]["names"] == ["bob"]
    assert shown["everybody"] is True
    assert shown["provides"]["names"] == ["add"]
    assert (shown["eventPatterns"]["names"], shown["recordPatterns"]["names"]) == (["^e"], ["^r"])
    assert shown["subscriptions"] == 5


async def test_a_client_that_is_gone_is_not_found(node: Node, ask: Ask) -> None:
    ann = client(node, "ann")
    ann.disconnect()
    with pytest.raises(OperationError, match="may have left") as error:
        await ask("clients.get", client=ann.connection.id)
    assert error.value.code == "not-found"


async def test_a_client_is_disconnected_and_hears_why(node: Node, ask: Ask) -> None:
    ann, bob = client(node, "ann"), client(node, "bob")
    reason = "ü" * 100
    assert await ask("clients.disconnect", client=ann.connection.id, reason=reason) == {"closed": 1}
    assert ann.transport.closed == (1008, "ü" * 60)
    assert bob.transport.closed is None
    assert [row["user"] for row in (await ask("clients.list"))["clients"]] == ["bob"]


async def test_a_user_is_disconnected_on_every_endpoint(node: Node, ask: Ask) -> None:
    peers = [client(node, "ann"), client(node, "ann", "/deepstream-json"), client(node, "bob")]
    assert await ask("clients.disconnect", user="ann") == {"closed": 2}
    assert [peer.transport.closed and peer.transport.closed[0] for peer in peers] == [1008, 1008, None]
    assert await ask("clients.disconnect", user="nobody") == {"closed": 0}


async def test_it_must_be_said_who_is_to_be_disconnected(node: Node, ask: Ask) -> None:
    for arguments in ({}, {"client": 1, "user": "ann"}):
        with pytest.raises(OperationError, match="which client or which user"):
            await ask("clients.disconnect", **arguments)


async def test_those_that_left_last_are_remembered_with_the_reason(node: Node, ask: Ask) -> None:
    for name in ("ann", "bob"):
        client(node, name).disconnect(1001)
    carol = client(node, "carol")
    await ask("clients.disconnect", user="carol", reason="enough")
    carol.disconnect(1008)
    shown = await ask("clients.closed", limit=2)
    assert [(row["user"], row["code"], row["reason"]) for row in shown] == [
        ("carol", 1008, "enough"),
        ("bob", 1001, ""),
    ]
    assert shown[0]["since"] <= shown[0]["closed"]


async def test_only_so_many_of_those_that_left_are_remembered(node: Node, ask: Ask) -> None:
    for number in range(205):
        client(node, f"user{number}").disconnect()
    shown = await ask("clients.closed", limit=1000)
    assert len(shown) == 200
    assert shown[-1]["user"] == "user5"


# Names


async def test_events_come_with_those_first_that_have_most_subscribers(node: Node, ask: Ask) -> None:
    events(client(node, "ann"), "few", "many")
    events(client(node, "bob"), "many")
    answer = await ask("events.names")
    assert answer["names"] == [
        {"name": "many", "subscribers": 2, "provided": False},
        {"name": "few", "subscribers": 1, "provided": False},
    ]
    assert await ask("events.names", search="FE") == {
        "total": 1,
        "complete": True,
        "names": [{"name": "few", "subscribers": 1, "provided": False}],
    }
    assert [row["name"] for row in (await ask("events.names", limit=1))["names"]] == ["many"]


async def test_records_are_listed_with_their_subscribers(node: Node, ask: Ask) -> None:
    ann = client(node, "ann")
    ann.send(Message(Topic.RECORD, RecordAction.SUBSCRIBECREATEANDREAD, names=["r"]))
    await ann.idle()
    assert (await ask("records.names"))["names"] == [{"name": "r", "subscribers": 1, "provided": False}]


async def test_an_answer_says_when_there_was_more_than_it_looked_at(
    node: Node, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_rows, "SCANNED", 2)
    events(client(node, "ann"), "a", "b", "c")
    answer = await ask("events.names")
    assert (answer["total"], answer["complete"], len(answer["names"])) == (3, False, 2)


async def test_rpcs_come_with_providers_calls_and_counts(node: Node, ask: Ask) -> None:
    provider, caller = client(node, "worker"), client(node, "boss")
    provider.send(Message(Topic.RPC, RpcAction.PROVIDE, names=["work"]))
    caller.send(Message(Topic.RPC, RpcAction.REQUEST, name="work", correlation_id="1", data="1"))
    caller.send(Message(Topic.RPC, RpcAction.REQUEST, name="none", correlation_id="2", data="1"))
    answer = await ask("rpc.names")
    worker = {"id": provider.connection.id, "user": "worker"}
    assert answer["names"] == [{"name": "work", "count": 1, "clients": [worker], "inFlight": 1}]
    assert answer["calls"] == [
        {
            "name": "work",
            "requestor": {"id": caller.connection.id, "user": "boss"},
            "provider": worker,
            "accepted": False,
        }
    ]
    assert answer["inFlight"] == 1
    assert (answer["counts"]["requests"], answer["counts"]["noProvider"]) == (2, 1)


async def test_users_online_come_with_their_connections_and_watchers(node: Node, ask: Ask) -> None:
    ann = client(node, "ann")
    client(node, "bob")
    client(node, "bob", "/deepstream-json")
    ann.send(Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE, names=["bob"]))
    ann.send(Message(Topic.PRESENCE, PresenceAction.SUBSCRIBE_ALL))
    answer = await ask("presence.online")
    assert answer["names"] == [
        {"name": "bob", "connections": 2, "watchers": 1},
        {"name": "ann", "connections": 1, "watchers": 0},
    ]
    assert answer["watchingAll"] == 1


async def test_one_user_is_found_by_the_whole_name_however_many_are_online(
    node: Node, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_rows, "SCANNED", 1)
    for name in ("ann", "bob", "bob", "bobby"):
        client(node, name)
    assert await ask("presence.user", name="bob") == {"connections": 2}
    assert await ask("presence.user", name="bo") == {"connections": 0}


async def test_patterns_come_with_listeners_provided_names_and_those_without(node: Node, ask: Ask) -> None:
    listener, subscriber = client(node, "listener"), client(node, "subscriber")
    listener.send(Message(Topic.EVENT, EventAction.LISTEN, name="^w/"))
    events(subscriber, "w/1", "w/2")
    for action, name in ((EventAction.LISTEN_ACCEPT, "w/1"), (EventAction.LISTEN_REJECT, "w/2")):
        listener.send(Message(Topic.EVENT, action, name="^w/", subscription=name))
    found = (await ask("listening.patterns"))["events"]
    who = {"id": listener.connection.id, "user": "listener"}
    assert found["patterns"]["names"] == [{"name": "^w/", "count": 1, "clients": [who]}]
    assert found["provided"]["names"] == [{"name": "w/1", "pattern": "^w/", "client": who}]
    assert found["without"]["names"] == [{"name": "w/2"}]


# The node


async def test_the_status_says_how_the_node_is_and_what_went_through_it(node: Node, ask: Ask) -> None:
    events(client(node, "ann"), "a")
    status = await ask("nodes.status")
    assert status["version"]
    assert status["memory"] > 10_000_000
    assert status["connections"] == 1
    assert status["received"]["EVENT"] == 1
    assert status["accepted"] == 1
    assert status["names"] == {"events": 1, "records": 0, "rpcs": 0, "users": 1}
    assert len(status["lag"]) == len(status["bounds"]) + 1


async def test_the_history_begins_with_the_node(node: Node, ask: Ask) -> None:
    assert len((await ask("nodes.history"))["points"]) == 1


async def test_the_history_grows_by_itself_and_is_bounded(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.live.status.INTERVAL", 0.001)
    monkeypatch.setattr("gateway.live.status.POINTS", 3)
    grown, times = asyncio.Event(), itertools.count(1)
    remember = LiveStatus._remember

    def told(status: LiveStatus) -> None:
        remember(status)
        if next(times) == 5:
            grown.set()

    monkeypatch.setattr(LiveStatus, "_remember", told)
    live, operations = Live(node), Operations(node)
    operations.add(live.operations())
    async with asyncio.timeout(5):
        await grown.wait()
    assert len((await operations.perform("nodes.history", {}))["points"]) == 3
    live.close()


async def test_the_metrics_count_messages_by_topic_and_action(node: Node, ask: Ask) -> None:
    events(client(node, "ann"), "a")
    told = await ask("nodes.metrics")
    assert told["received"]["EVENT"] == {"SUBSCRIBE": 1}
    assert told["endpoints"]["/deepstream"] == 1
    assert told["bytes"] == {"received": 0, "sent": 0}  # these clients have no sockets
    assert told["logins"]["websocket"] == {"accepted": 1, "refused": 0}
