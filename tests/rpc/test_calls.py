"""Tests of remote procedure calls: PROTOCOL.md section 6."""

from __future__ import annotations

import random

import pytest

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import RpcAction, Topic
from tests.pubsub.kit import Client
from tests.rpc.kit import World, rpc


@pytest.fixture
def world() -> World:
    return World()


# Providing


def test_providing_in_bulk_gets_one_ack(world: World) -> None:
    client = Client()
    provide = Message(Topic.RPC, RpcAction.PROVIDE, names=["a", "b"], correlation_id="7")
    world.handler.actions.receive(client.connection, provide)
    assert client.take() == [Message(Topic.RPC, RpcAction.PROVIDE, is_ack=True, correlation_id="7")]
    unprovide = Message(Topic.RPC, RpcAction.UNPROVIDE, names=["a", "c"], correlation_id="8")
    world.handler.actions.receive(client.connection, unprovide)
    assert client.take() == [Message(Topic.RPC, RpcAction.UNPROVIDE, is_ack=True, correlation_id="8")]
    assert list(world.handler.providers.names()) == ["b"]


def test_providing_twice_is_remarked_on(world: World) -> None:
    client = world.provider("a")
    world.handler.actions.receive(client.connection, Message(Topic.RPC, RpcAction.PROVIDE, names=["a"]))
    remark, ack = client.take()
    assert remark == Message(
        Topic.RPC, RpcAction.MULTIPLE_PROVIDERS, name="a", original_action=RpcAction.PROVIDE
    )
    assert ack.is_ack


def test_unproviding_a_single_name_that_was_not_provided_is_remarked_on(world: World) -> None:
    client = Client()
    world.handler.actions.receive(client.connection, Message(Topic.RPC, RpcAction.UNPROVIDE, name="a"))
    assert client.take() == [
        Message(Topic.RPC, RpcAction.NOT_PROVIDED, name="a", original_action=RpcAction.UNPROVIDE)
    ]


def test_other_nodes_hear_of_the_first_and_the_last_provider(world: World) -> None:
    one, other = world.provider("a"), world.provider("a")
    world.disconnect(one)
    assert world.cluster.take() == [("join", "rpc", "a")]
    world.handler.actions.receive(other.connection, Message(Topic.RPC, RpcAction.UNPROVIDE, names=["a"]))
    assert world.cluster.take() == [("leave", "rpc", "a")]


# A call


@pytest.mark.parametrize("data", ['{"a":1}', "null", '"x"', None])
def test_a_call_goes_to_the_provider_and_its_answer_to_the_requestor(world: World, data: str | None) -> None:
    fields = {} if data is None else {"data": data}
    provider, bystander = world.provider(), world.provider("other")
    requestor = world.request(**fields)
    assert provider.take() == [rpc(RpcAction.REQUEST, **fields)]
    world.say(provider, RpcAction.ACCEPT)
    assert requestor.take() == [rpc(RpcAction.ACCEPT)]
    world.say(provider, RpcAction.RESPONSE, **fields)
    assert requestor.take() == [rpc(RpcAction.RESPONSE, **fields)]
    assert provider.take() == bystander.take() == []
    assert world.handler.calls_in_flight() == 0


@pytest.mark.parametrize("fields", [{}, {"data": '{"a":1}'}])
def test_an_answer_that_came_as_the_requestor_must_get_it_is_not_made_anew(
    world: World, monkeypatch: pytest.MonkeyPatch, fields: dict[str, str]
) -> None:
    provider, requestor = world.provider(), world.request()
    codec, sent = BinaryCodec(), list[Message]()
    (answer,) = codec.decode(codec.encode(rpc(RpcAction.RESPONSE, **fields)))
    monkeypatch.setattr(type(requestor.connection), "send", lambda connection, message: sent.append(message))
    world.handler.actions.receive(provider.connection, answer)
    (passed_on,) = sent
    assert passed_on is answer


def test_what_an_acceptance_carries_is_not_passed_on(world: World) -> None:
    provider, requestor = world.provider(), world.request()
    world.say(provider, RpcAction.ACCEPT, data="{bad", path="a")
    assert requestor.take() == [rpc(RpcAction.ACCEPT)]


def test_a_providers_error_ends_the_call_with_its_data(world: World) -> None:
    provider = world.provider()
    requestor = world.request()
    world.say(provider, RpcAction.ACCEPT)
    world.say(provider, RpcAction.REQUEST_ERROR, data='"no"')
    assert requestor.take()[-1] == rpc(RpcAction.REQUEST_ERROR, data='"no"')
    assert world.handler.calls_in_flight() == 0


@pytest.mark.parametrize("action", [RpcAction.RESPONSE, RpcAction.REQUEST_ERROR])
def test_an_answer_without_an_acceptance_ends_the_call_too(world: World, action: int) -> None:
    provider = world.provider()
    requestor = world.request()
    world.say(provider, action, data="1")
    assert requestor.take() == [rpc(action, data="1")]
    world.clock.advance(60)
    assert requestor.take() == []


def test_without_a_provider_the_requestor_is_told(world: World) -> None:
    world.provider("other")
    assert world.request().take() == [rpc(RpcAction.NO_RPC_PROVIDER)]


def test_a_client_can_call_what_it_provides_itself(world: World) -> None:
    client = world.provider()
    world.request(client)
    world.say(client, RpcAction.RESPONSE, data="1")
    assert client.take() == [rpc(RpcAction.REQUEST), rpc(RpcAction.RESPONSE, data="1")]


def test_providers_are_picked_at_random(world: World) -> None:
    random.seed(7)
    providers = [world.provider() for _ in range(4)]
    requestor = Client()
    for number in range(400):
        world.request(requestor, id=str(number))
    shares = [len(provider.take()) for provider in providers]
    assert sum(shares) == 400
    assert all(60 < share < 140 for share in shares)


@pytest.mark.parametrize("fields", [{"name": None}, {"id": None}, {"data": "{bad"}, {"data": ""}])
def test_a_request_that_could_not_be_answered_is_refused(world: World, fields: dict[str, object]) -> None:
    provider = world.provider()
    reply = world.request(**fields).take_one()
    assert (reply.action, reply.is_error) == (RpcAction.INVALID_MESSAGE_DATA, True)
    assert reply.original_action == RpcAction.REQUEST
    assert provider.take() == []


def test_an_answer_that_is_no_json_is_refused_and_the_call_goes_on(world: World) -> None:
    provider = world.provider()
    requestor = world.request()
    world.say(provider, RpcAction.RESPONSE, data="{bad")
    assert provider.take()[-1].action == RpcAction.INVALID_MESSAGE_DATA
    assert requestor.take() == []
    world.say(provider, RpcAction.RESPONSE, data="{}")
    assert requestor.take() == [rpc(RpcAction.RESPONSE, data="{}")]


def test_accepting_twice_is_told_to_the_provider_alone(world: World) -> None:
    provider = world.provider()
    requestor = world.request()
    world.say(provider, RpcAction.ACCEPT)
    requestor.take()
    provider.take()
    world.say(provider, RpcAction.ACCEPT)
    reply = provider.take_one()
    assert (reply.action, reply.name, reply.correlation_id) == (RpcAction.MULTIPLE_ACCEPT, "add", "1")
    assert requestor.take() == []
    world.say(provider, RpcAction.RESPONSE)
    assert requestor.take() == [rpc(RpcAction.RESPONSE)]


@pytest.mark.parametrize(
    "action", [RpcAction.ACCEPT, RpcAction.RESPONSE, RpcAction.REJECT, RpcAction.REQUEST_ERROR]
)
@pytest.mark.parametrize("case", ["unknown id", "no id", "other name", "ended", "another's"])
def test_an_answer_to_no_call_of_this_provider_is_refused(world: World, action: int, case: str) -> None:
    provider, stranger = world.provider(), Client()
    requestor = world.request()
    provider.take()
    speaker, fields = provider, {}
    match case:
        case "unknown id":
            fields = {"id": "2"}
        case "no id":
            fields = {"id": None}
        case "other name":
            fields = {"name": "subtract"}
        case "ended":
            world.say(provider, RpcAction.RESPONSE)
            requestor.take()
        case _:
            speaker = stranger
    world.say(speaker, action, **fields)
    told = rpc(action, **fields)
    expected = rpc(
        RpcAction.INVALID_RPC_CORRELATION_ID,
        told.name,
        told.correlation_id,
        original_action=action,
        is_error=True,
    )
    assert speaker.take() == [expected]
    assert requestor.take() == []
