"""What operators can ask a node about its rules: why, what was refused, what a draft would change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from cluster.operations import OperationError
from deepstream_protocol.message import Message
from deepstream_protocol.topics import EventAction, RecordAction, Topic
from gateway.live.rules import LiveRules
from gateway.node import Node
from gateway.operations import Operations
from gateway.rules import decisions
from gateway.rules import trial as rule_trial
from gateway.rules.in_force import Rules
from permissions.rule_text import read_rules
from permissions.ruleset import RuleSet
from permissions.verdict import AllowEverything, Permissions
from tests.gateway.node_kit import Peer, running

OPEN = """\
record: {"*": {create: true, read: true, write: true, delete: true, listen: true, notify: true}}
event: {"*": {publish: true, subscribe: true, listen: true}}
rpc: {"*": {provide: true, request: true}}
presence: {"*": {allow: true}}
"""
RISING = OPEN.replace("write: true", 'write: "!oldData || data.price > oldData.price"')
QUIET = OPEN.replace("publish: true", "publish: \"user.id !== 'bob' || name !== 'news'\"")


@dataclass
class Bench:
    """A node under test with its rules, and what operators ask it."""

    node: Node
    rules: Rules
    live: LiveRules

    async def ask(self, operation: str, **arguments: Any) -> Any:
        return await self.operations.perform(operation, arguments)

    @property
    def operations(self) -> Operations:
        operations = Operations(self.node)
        operations.add(self.live.operations)
        return operations

    def use(self, text: str) -> None:
        self.rules.replace(RuleSet(read_rules(text).values, records=self.live._records))

    async def price(self, price: int, client: Peer | None = None) -> Message | None:
        """Write it into the record bids/1, as the server or as a client, who is told what came of it."""
        if client is None:
            await self.ask("record.write", name="bids/1", data={"price": price})
            return None
        message = write("bids/1", f'{{"price":{price}}}')
        message.is_write_ack, message.correlation_id = True, str(price)
        client.send(message)
        return await client.next()

    def client(self, user: str) -> Peer:
        return Peer(self.node).log_in(user)


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    """A node on which everything is allowed."""
    made: list[Any] = []

    def permissions(records: Any) -> Permissions:
        made.append(records)
        made.append(Rules(AllowEverything(), reserved=("secret/",)))
        return made[1]  # type: ignore[no-any-return]

    async with running(permissions=permissions) as node:
        records, rules = made
        yield Bench(node, rules, LiveRules(node, rules, records, peek=node.records.pipelines.peek))


def emit(name: str, data: str = "1") -> Message:
    return Message(Topic.EVENT, EventAction.EMIT, name=name, data=data)


def write(name: str, data: str) -> Message:
    return Message(Topic.RECORD, RecordAction.CREATEANDUPDATE, name=name, version=-1, data=data)


async def test_a_user_of_the_live_server_is_explained_with_the_records_that_it_has(bench: Bench) -> None:
    bench.use(RISING)
    await bench.price(5)
    found = await bench.ask(
        "rules.explain", action="record.write", name="bids/1", user="bob", data={"price": 4}
    )
    assert (found["verdict"], found["user"]) == ("REFUSED", "bob")
    [rule] = found["names"][0]["rules"]
    assert rule["path"] == "*"
    assert rule["oldData"]["value"] == {"price": 5}
    assert {"source": "data.price", "line": 1, "column": 13, "type": "number", "value": 4} in rule["trace"]


async def test_what_is_given_stands_in_for_what_is_live(bench: Bench) -> None:
    bench.use(RISING)
    ask = {"action": "record.write", "name": "bids/1", "data": {"price": 4}}
    assert (await bench.ask("rules.explain", **ask, old_data={"price": 3}))["verdict"] == "ALLOWED"
    assert (await bench.ask("rules.explain", **ask, old_data={"price": 9}))["verdict"] == "REFUSED"
    referring = RISING.replace("listen: true, notify", "listen: \"_('open').is\", notify", 1)
    ask = {"action": "record.listen", "name": "a", "source": referring}
    assert (await bench.ask("rules.explain", **ask, records={"open": {"is": True}}))["verdict"] == "ALLOWED"
    assert (await bench.ask("rules.explain", **ask, records={"open": None}))["verdict"] == "REFUSED"


async def test_the_data_of_a_connected_user_counts_unless_other_data_is_given(bench: Bench) -> None:
    bench.use(OPEN.replace("publish: true", 'publish: "user.data.admin === true"'))
    client = bench.client("bob")
    client.connection.user.server_data = {"admin": True}
    ask = {"action": "event.publish", "name": "news", "user": "bob"}
    assert (await bench.ask("rules.explain", **ask))["verdict"] == "ALLOWED"
    assert (await bench.ask("rules.explain", **ask, user_data={"admin": 1}))["verdict"] == "REFUSED"
    assert (await bench.ask("rules.explain", action="event.publish", name="news"))["verdict"] == "REFUSED"


async def test_with_no_rules_in_force_the_explanation_says_so(bench: Bench) -> None:
    found = await bench.ask("rules.explain", action="event.publish", name="news")
    assert found["verdict"] == "ALLOWED"
    assert "permission.type is none" in found["reason"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"action": "record.fly", "name": "a"}, r"no action 'record\.fly'.*record\.write"),
        ({"action": "record.patch", "name": "a"}, "needs a path and data"),
        ({"action": "event.publish", "name": "a", "source": "{}"}, "have errors:\n.*missing"),
        ({"action": "event.publish", "name": "a", "data": "\ud800"}, "cannot be sent as JSON"),
    ],
)
async def test_a_question_that_cannot_be_asked_is_refused_with_the_reason(
    bench: Bench, arguments: dict[str, Any], reason: str
) -> None:
    with pytest.raises(OperationError, match=reason) as refused:
        await bench.ask("rules.explain", **arguments)
    assert refused.value.code == "invalid"


async def test_a_denial_is_listed_and_can_be_explained_later(bench: Bench) -> None:
    bench.use(RISING)
    client = bench.client("bob")
    for price in (5, 4, 50):
        await bench.price(price, client)
    listed = await bench.ask("rules.denials")
    assert listed["total"] == 1
    [denial] = listed["denials"]
    assert (denial["user"], denial["action"], denial["names"]) == ("bob", "CREATEANDUPDATE", ["bids/1"])
    assert (denial["verdict"], denial["count"]) == ("MESSAGE_DENIED", 1)
    found = await bench.ask("rules.decision", number=denial["number"])
    assert found["explanation"]["verdict"] == "REFUSED"
    rule = found["explanation"]["names"][0]["rules"][-1]
    assert rule["oldData"]["value"] == {"price": 5}, "the record as it was then, not as it is"
    assert found["question"] == {
        "topic": "record",
        "name": "bids/1",
        "user": "bob",
        "userData": None,
        "data": '{"price":4}',
        "path": None,
        "oldData": {"price": 5},
    }
    allowed = await bench.ask("rules.decision", number=denial["number"], source=OPEN)
    assert allowed["explanation"]["verdict"] == "ALLOWED"


async def test_the_same_denial_again_counts_up_and_becomes_the_latest(bench: Bench) -> None:
    bench.use(OPEN.replace("publish: true", "publish: false"))
    bench.client("bob").send(emit("a"), emit("b"), emit("a"))
    listed = await bench.ask("rules.denials")
    assert [(one["names"], one["count"]) for one in listed["denials"]] == [(["a"], 2), (["b"], 1)]
    assert listed["total"] == 3


async def test_denials_are_bounded_in_number_and_in_bytes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.use(OPEN.replace("publish: true", "publish: false"))
    client = bench.client("bob")
    client.send(*(emit(f"n/{index}") for index in range(decisions.MAX_DENIALS + 50)))
    listed = (await bench.ask("rules.denials"))["denials"]
    assert len(listed) == decisions.MAX_DENIALS
    assert listed[0]["names"] == [f"n/{decisions.MAX_DENIALS + 49}"]
    client.send(emit("large", '"' + "x" * decisions.MAX_MESSAGE + '"'))
    assert (await bench.ask("rules.denials"))["denials"] == listed, "too large to be kept"
    monkeypatch.setattr(decisions, "MAX_BYTES", 5000)
    client.send(emit("last", '"' + "x" * 3000 + '"'))
    kept = (await bench.ask("rules.denials"))["denials"]
    assert kept[0]["names"] == ["last"]
    assert len(kept) < 4


async def test_what_is_reserved_is_no_record_to_an_explanation(bench: Bench) -> None:
    bench.use(OPEN)
    bench.client("bob").send(
        Message(Topic.RECORD, RecordAction.SUBSCRIBEANDREAD, names=["secret/ann", "open"])
    )
    [denial] = (await bench.ask("rules.denials"))["denials"]
    assert denial["refusedNames"] == ["secret/ann"]
    await bench.ask("record.write", name="secret/ann", data={"password": "x"})
    peeping = OPEN.replace("publish: true", "publish: \"_('secret/ann') === null\"")
    found = await bench.ask("rules.explain", action="event.publish", name="a", source=peeping)
    assert found["verdict"] == "ALLOWED"


async def test_nothing_stands_in_front_of_the_rules_unless_decisions_are_recorded(bench: Bench) -> None:
    assert bench.rules._asked is bench.rules.in_force
    await bench.ask("rules.record", limit=10)
    assert bench.rules._asked is not bench.rules.in_force
    await bench.ask("rules.stop_recording")
    assert bench.rules._asked is bench.rules.in_force


async def test_a_draft_is_tried_on_the_decisions_that_were_recorded(bench: Bench) -> None:
    bench.use(OPEN)
    await bench.ask("rules.record", limit=100)
    bob, ann = bench.client("bob"), bench.client("ann")
    bob.send(emit("news"), emit("other"))
    ann.send(emit("news"), Message(Topic.EVENT, EventAction.UNSUBSCRIBE, names=["news"]))
    report = await bench.ask("rules.try", source=QUIET)
    assert {key: report[key] for key in ("recorded", "asked", "changed", "unclear", "kinds")} == {
        "recorded": 3,
        "asked": 3,
        "changed": 1,
        "unclear": 0,
        "kinds": {"now refused": 1},
    }
    [example] = report["examples"]
    assert (example["user"], example["names"], example["verdict"], example["after"]) == (
        "bob",
        ["news"],
        "ALLOWED",
        "MESSAGE_DENIED",
    )
    found = await bench.ask("rules.decision", number=example["number"], source=QUIET)
    assert found["explanation"]["verdict"] == "REFUSED"
    assert (await bench.ask("rules.try", source=OPEN))["changed"] == 0


async def test_a_trial_asks_about_records_as_they_were_then(bench: Bench) -> None:
    bench.use(OPEN)
    await bench.price(5)
    await bench.ask("rules.record", limit=100)
    client = bench.client("bob")
    for price in (9, 7, 10):
        await bench.price(price, client)
    report = await bench.ask("rules.try", source=RISING)
    assert (report["asked"], report["changed"], report["unclear"]) == (3, 1, 0)
    found = await bench.ask("rules.decision", number=report["examples"][0]["number"], source=RISING)
    assert (found["question"]["oldData"], found["question"]["data"]) == ({"price": 9}, '{"price":7}')


async def test_nothing_is_said_about_a_record_that_was_not_in_memory_then(bench: Bench) -> None:
    bench.use(OPEN)
    await bench.ask("rules.record", limit=100)
    await bench.price(9, bench.client("bob"))
    report = await bench.ask("rules.try", source=RISING)
    assert (report["asked"], report["changed"], report["unclear"]) == (1, 0, 1)


async def test_decisions_that_waited_for_a_record_are_recorded_too(bench: Bench) -> None:
    waiting = OPEN.replace("publish: true", "publish: \"_('gate').open === true\"")
    await bench.ask("record.write", name="gate", data={"open": True})
    bench.use(waiting)
    await bench.ask("rules.record", limit=100)
    client = bench.client("bob")
    client.send(emit("a"))
    await client.idle()
    report = await bench.ask("rules.try", source=OPEN.replace("publish: true", "publish: false"))
    assert (report["recorded"], report["changed"]) == (1, 1)


async def test_what_has_changed_since_is_not_blamed_on_the_draft(bench: Bench) -> None:
    gate = OPEN.replace("publish: true", "publish: \"_('gate').open === true\"")
    await bench.ask("record.write", name="gate", data={"open": True})
    bench.use(gate)
    await bench.ask("rules.record", limit=100)
    client = bench.client("bob")
    client.send(emit("a"))
    await client.idle()
    await bench.ask("record.write", name="gate", data={"open": False})
    report = await bench.ask("rules.try", source=gate)
    assert (report["asked"], report["changed"], report["unclear"]) == (1, 0, 1)


async def test_a_recording_goes_on_when_rules_are_replaced_and_ends_by_itself(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.ask("rules.record", limit=100, seconds=60)
    bench.use(OPEN)
    client = bench.client("bob")
    client.send(emit("a"))
    status = await bench.ask("rules.status")
    assert (status["recording"]["on"], status["recording"]["kept"]) == (True, 1)
    late = status["recording"]["until"] + 1
    monkeypatch.setattr(decisions, "milliseconds", lambda: late)
    client.send(emit("a"))
    status = await bench.ask("rules.status")
    assert (status["recording"]["on"], status["recording"]["kept"]) == (False, 1)
    assert bench.rules._asked is bench.rules.in_force


async def test_a_recording_is_bounded_in_number_and_in_bytes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OperationError, match="must be 1 to"):
        await bench.ask("rules.record", limit=decisions.MAX_RECORDED + 1)
    await bench.ask("rules.record", limit=5)
    client = bench.client("bob")
    client.send(*(emit(f"n/{index}") for index in range(9)))
    client.send(emit("large", '"' + "x" * decisions.MAX_MESSAGE + '"'))
    recording = (await bench.ask("rules.status"))["recording"]
    assert (recording["kept"], recording["leftOut"]) == (5, 1)
    monkeypatch.setattr(decisions, "MAX_BYTES", 4000)
    client.send(emit("last", '"' + "x" * 3000 + '"'))
    assert (await bench.ask("rules.status"))["recording"]["kept"] == 1
    await bench.ask("rules.forget")
    assert (await bench.ask("rules.status"))["recording"] is None


async def test_a_record_that_many_decisions_share_is_counted_once(bench: Bench) -> None:
    await bench.ask("record.write", name="big", data={"text": "x" * 100_000})
    await bench.ask("rules.record", limit=1000)
    client = bench.client("bob")
    reads = [Message(Topic.RECORD, RecordAction.READ, name="big", correlation_id="1")] * 400
    client.send(*reads)
    await client.idle()
    assert (await bench.ask("rules.status"))["recording"]["kept"] == 400, "40 MB, were each one counted"


async def test_a_long_trial_lets_clients_go_on_and_ends_with_what_it_has(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.ask("rules.record", limit=5000)
    client = bench.client("bob")
    client.send(*(emit(f"n/{index}") for index in range(3000)))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.ensure_future(others())
    assert (await bench.ask("rules.try", source=QUIET))["asked"] == 3000
    assert turns >= 3000 // rule_trial.BREATH
    monkeypatch.setattr(rule_trial, "PATIENCE", -1.0)
    report = await bench.ask("rules.try", source=QUIET)
    other.cancel()
    assert (report["recorded"], report["asked"]) == (3000, rule_trial.BREATH)


async def test_without_a_recording_there_is_nothing_to_try_a_draft_on(bench: Bench) -> None:
    with pytest.raises(OperationError, match="switch recording on first"):
        await bench.ask("rules.try", source=OPEN)
    with pytest.raises(OperationError, match="not kept any more"):
        await bench.ask("rules.decision", number=0)
