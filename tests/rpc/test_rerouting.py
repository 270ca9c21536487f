"""Tests of calls that their first provider does not answer: PROTOCOL.md section 6."""

from __future__ import annotations

import random

import pytest

from deepstream_protocol.binary import BinaryCodec
from deepstream_protocol.message import Message
from deepstream_protocol.topics import ParserAction, RpcAction, Topic
from pubsub.connection import Frame
from pubsub.user import User
from tests.pubsub.kit import JSON, Client
from tests.rpc.kit import World, asked, rpc


@pytest.fixture
def world() -> World:
    return World()


# Going to the next provider


def test_a_rejected_call_goes_to_each_other_provider_once(world: World) -> None:
    providers = [world.provider() for _ in range(5)]
    requestor = world.request(data="1")
    seen = []
    for _ in providers:
        provider = asked(providers)
        seen.append(provider)
        assert requestor.take() == []
        world.say(provider, RpcAction.REJECT)
    assert len(set(map(id, seen))) == 5
    assert requestor.take() == [rpc(RpcAction.NO_RPC_PROVIDER)]
    assert world.handler.calls_in_flight() == 0


def test_a_call_rejected_after_its_acceptance_goes_to_another_provider(world: World) -> None:
    providers = [world.provider(), world.provider()]
    requestor = world.request()
    first = asked(providers)
    world.say(first, RpcAction.ACCEPT)
    world.say(first, RpcAction.REJECT)
    second = asked(providers)
    assert second is not first
    world.say(second, RpcAction.ACCEPT)
    world.say(second, RpcAction.RESPONSE, data="2")
    assert requestor.take()[-1] == rpc(RpcAction.RESPONSE, data="2")
    world.say(first, RpcAction.RESPONSE, data="1")
    assert requestor.take() == []


def test_a_provider_who_comes_meanwhile_can_get_a_rejected_call(world: World) -> None:
    first = world.provider()
    requestor = world.request()
    late = world.provider()
    world.say(first, RpcAction.REJECT)
    assert late.take() == [rpc(RpcAction.REQUEST)]
    assert requestor.take() == []


def test_a_provider_who_no_longer_provides_gets_no_rejected_call(world: World) -> None:
    providers = [world.provider(), world.provider()]
    requestor = world.request()
    first = asked(providers)
    (other,) = [provider for provider in providers if provider is not first]
    unprovide = Message(Topic.RPC, RpcAction.UNPROVIDE, names=["add"])
    world.handler.actions.receive(other.connection, unprovide)
    world.say(first, RpcAction.REJECT)
    assert requestor.take() == [rpc(RpcAction.NO_RPC_PROVIDER)]


def test_a_provider_who_unprovides_finishes_the_calls_it_has(world: World) -> None:
    provider = world.provider()
    requestor = world.request()
    world.handler.actions.receive(provider.connection, Message(Topic.RPC, RpcAction.UNPROVIDE, names=["add"]))
    world.say(provider, RpcAction.ACCEPT)
    world.say(provider, RpcAction.RESPONSE, data="1")
    assert requestor.take() == [rpc(RpcAction.ACCEPT), rpc(RpcAction.RESPONSE, data="1")]


# Sockets that close


def test_a_provider_whose_socket_closes_before_it_accepted_has_rejected(world: World) -> None:
    providers = [world.provider(), world.provider()]
    requestor = world.request()
    first = asked(providers)
    world.disconnect(first)
    second = asked(providers)
    assert second is not first
    assert requestor.take() == []
    world.disconnect(second)
    assert requestor.take() == [rpc(RpcAction.NO_RPC_PROVIDER)]
    world.clock.advance(60)
    assert requestor.take() == []


def test_a_provider_whose_socket_closes_after_it_accepted_is_a_response_timeout_at_once(
    world: World,
) -> None:
    providers = [world.provider(), world.provider()]
    requestor = world.request()
    first = asked(providers)
    world.say(first, RpcAction.ACCEPT)
    world.disconnect(first)
    assert requestor.take() == [rpc(RpcAction.ACCEPT), rpc(RpcAction.RESPONSE_TIMEOUT)]
    assert [provider.take() for provider in providers] == [[], []]
    world.clock.advance(60)
    assert requestor.take() == []


def test_all_calls_of_a_provider_whose_socket_closes_are_settled(world: World) -> None:
    provider, requestor = world.provider(), Client()
    for number in range(6):
        world.request(requestor, id=str(number))
        if number % 2:
            world.say(provider, RpcAction.ACCEPT, id=str(number))
    requestor.take()
    world.disconnect(provider)
    expected = [RpcAction.NO_RPC_PROVIDER, RpcAction.RESPONSE_TIMEOUT] * 3
    assert [message.action for message in requestor.take()] == expected
    assert world.handler.calls_in_flight() == 0


def test_a_requestor_whose_socket_closes_troubles_nobody(world: World) -> None:
    provider = world.provider()
    requestor = world.request()
    provider.take()
    world.disconnect(requestor)
    world.say(provider, RpcAction.ACCEPT)
    world.say(provider, RpcAction.RESPONSE)
    assert provider.take() == []
    assert world.handler.calls_in_flight() == 0


def test_a_client_that_calls_itself_and_goes_leaves_nothing_behind(world: World) -> None:
    client = world.provider()
    world.request(client)
    world.disconnect(client)
    assert world.handler.calls_in_flight() == 0


# Timeouts


def test_a_call_that_ends_while_its_provider_is_being_asked_times_out_no_more(world: World) -> None:
    provider, requestor = world.provider(), Client()

    class OneTooMany:
        """The codec of a client that is so far behind that the next message is one too many for it."""

        def frame(self, message: Message) -> Frame:
            world.handler.remove_connection(provider.connection)
            return b""

    provider.connection.codec = OneTooMany()
    world.request(requestor)
    assert requestor.take() == [rpc(RpcAction.NO_RPC_PROVIDER)]
    world.clock.advance(60)
    assert requestor.take() == []


def test_a_provider_that_does_not_accept_in_time_fails_the_call(world: World) -> None:
    providers = [world.provider(), world.provider()]
    requestor = world.request()
    provider = asked(providers)
    world.clock.advance(0.99)
    assert requestor.take() == []
    world.clock.advance(0.02)
    assert requestor.take() == [rpc(RpcAction.ACCEPT_TIMEOUT)]
    assert [one.take() for one in providers] == [[], []]
    world.say(provider, RpcAction.ACCEPT)
    assert provider.take_one().action == RpcAction.INVALID_RPC_CORRELATION_ID
    world.clock.advance(60)
    assert requestor.take() == []


def test_a_provider_that_does_not_answer_in_time_fails_the_call(world: World) -> None:
    provider = world.provider()
    requestor = world.request()
    world.clock.advance(0.5)
    world.say(provider, RpcAction.ACCEPT)
    world.clock.advance(9.9)
    assert requestor.take() == [rpc(RpcAction.ACCEPT)]
    world.clock.advance(0.2)
    assert requestor.take() == [rpc(RpcAction.RESPONSE_TIMEOUT)]
    provider.take()
    world.say(provider, RpcAction.RESPONSE)
    assert provider.take_one().action == RpcAction.INVALID_RPC_CORRELATION_ID
    assert requestor.take() == []


def test_the_timeouts_are_those_of_the_settings() -> None:
    world = World(ack_timeout=0.1, response_timeout=0.2)
    provider = world.provider()
    requestor = world.request()
    world.clock.advance(0.1)
    assert requestor.take() == [rpc(RpcAction.ACCEPT_TIMEOUT)]
    world.request(requestor, id="2")
    world.say(provider, RpcAction.ACCEPT, id="2")
    world.clock.advance(0.2)
    assert requestor.take() == [rpc(RpcAction.ACCEPT, id="2"), rpc(RpcAction.RESPONSE_TIMEOUT, id="2")]


def test_the_next_provider_has_the_whole_time_to_accept(world: World) -> None:
    providers = [world.provider(), world.provider()]
    requestor = world.request()
    first = asked(providers)
    world.clock.advance(0.9)
    world.say(first, RpcAction.REJECT)
    second = asked(providers)
    world.clock.advance(0.9)
    world.say(second, RpcAction.ACCEPT)
    world.say(second, RpcAction.RESPONSE)
    assert [message.action for message in requestor.take()] == [RpcAction.ACCEPT, RpcAction.RESPONSE]


# Correlation ids are made up by clients


def test_two_requestors_with_the_same_correlation_id_each_get_their_own_answer(world: World) -> None:
    providers = {one.connection: one for one in (world.provider(), world.provider())}
    requestors = [world.request(data="0"), world.request(data="1")]
    for provider in providers.values():
        request = provider.take_one()
        world.say(provider, RpcAction.ACCEPT)
        world.say(provider, RpcAction.RESPONSE, data=request.data)
    for number, requestor in enumerate(requestors):
        assert requestor.take() == [rpc(RpcAction.ACCEPT), rpc(RpcAction.RESPONSE, data=str(number))]


def test_a_provider_never_has_two_calls_of_one_correlation_id(world: World) -> None:
    provider = world.provider()
    first = world.request(data="0")
    second = world.request(data="1")
    assert second.take() == [rpc(RpcAction.NO_RPC_PROVIDER)]
    assert provider.take() == [rpc(RpcAction.REQUEST, data="0")]
    world.say(provider, RpcAction.RESPONSE, data="0")
    assert first.take() == [rpc(RpcAction.RESPONSE, data="0")]
    world.request(second, data="1")
    assert provider.take() == [rpc(RpcAction.REQUEST, data="1")]


# What a provider learns of the requestor

JANE = User("jane", client_data={"role": "admin"}, server_data={"secret": 1})


@pytest.mark.parametrize("name", [False, True])
@pytest.mark.parametrize("data", [False, True])
def test_a_provider_learns_of_the_requestor_what_the_settings_say(name: bool, data: bool) -> None:
    world = World(provide_requestor_name=name, provide_requestor_data=data)
    provider = world.provider()
    forged = {"requestor_name": "root", "requestor_data": "{}"}
    world.request(Client(JANE), **forged)
    request = provider.take_one()
    assert request.requestor_name == ("jane" if name else None)
    assert request.requestor_data == ('{"role":"admin"}' if data else None)


@pytest.mark.parametrize("name", [False, True])
@pytest.mark.parametrize("data", [False, True])
def test_a_request_goes_on_as_it_came_unless_it_is_to_tell_of_the_requestor(name: bool, data: bool) -> None:
    codec = BinaryCodec()
    world = World(provide_requestor_name=name, provide_requestor_data=data)
    provider = world.provider()
    (request,) = codec.decode(codec.encode(rpc(RpcAction.REQUEST, data="1")))
    world.handler.actions.receive(Client(JANE).connection, request)
    (call,) = world.handler.calls()
    assert (call.request is request) == (not name and not data)
    told = provider.take_one()
    assert (told.data, told.requestor_name) == ("1", "jane" if name else None)
    assert told.requestor_data == ('{"role":"admin"}' if data else None)


def test_a_requestor_without_client_data_has_none_to_show() -> None:
    world = World(provide_requestor_name=True, provide_requestor_data=True)
    provider = world.provider()
    world.request(Client("joe"))
    assert provider.take_one() == rpc(RpcAction.REQUEST, requestor_name="joe")


def test_an_unknown_action_is_answered(world: World) -> None:
    client = Client(codec=JSON)
    world.handler.actions.receive(client.connection, rpc(RpcAction.NO_RPC_PROVIDER))
    reply = client.take_one()
    assert (reply.topic, reply.action) == (Topic.PARSER, ParserAction.UNKNOWN_ACTION)


def test_a_closed_handler_has_no_timers_left(world: World) -> None:
    world.provider()
    world.request()
    world.handler.close()
    assert world.clock.pending == 0


@pytest.mark.parametrize("seed", range(10))
def test_every_call_ends_exactly_once_whatever_happens(seed: int) -> None:
    chance = random.Random(seed)
    world = World()
    clients = [Client() for _ in range(6)]
    for client in clients[:4]:
        world.handler.actions.receive(client.connection, Message(Topic.RPC, RpcAction.PROVIDE, names=["add"]))
    made: dict[str, Client] = {}
    ends: list[tuple[Client, str | None]] = []
    gone: list[Client] = []
    for number in range(400):
        client = chance.choice(clients)
        match chance.randrange(4):
            case 0 | 1:
                made[str(number)] = client
                world.request(client, id=str(number))
            case 2:
                world.clock.advance(chance.choice([0.01, 0.3, 2]))
            case _ if number % 20 == 0:
                world.disconnect(client)
                gone.append(client)
                clients.remove(client)
                clients.append(world.provider())
        for one in [*clients, *gone]:
            for message in one.take():
                if message.action == RpcAction.REQUEST and one not in gone:
                    answer(world, one, message, chance)
                elif message.action in ENDS:
                    ends.append((one, message.correlation_id))
    world.clock.advance(100)
    for one in [*clients, *gone]:
        ends += [(one, m.correlation_id) for m in one.take() if m.action in ENDS]
    assert len(ends) == len(set(ends)) == len(made) > 100
    assert {id: client for client, id in ends} == made
    assert world.handler.calls_in_flight() == 0


ENDS = {
    RpcAction.RESPONSE,
    RpcAction.REQUEST_ERROR,
    RpcAction.NO_RPC_PROVIDER,
    RpcAction.ACCEPT_TIMEOUT,
    RpcAction.RESPONSE_TIMEOUT,
}


def answer(world: World, provider: Client, request: Message, chance: random.Random) -> None:
    for action in chance.choice(
        [
            [RpcAction.ACCEPT, RpcAction.RESPONSE],
            [RpcAction.ACCEPT],
            [RpcAction.REJECT],
            [RpcAction.ACCEPT, RpcAction.REJECT],
            [RpcAction.REQUEST_ERROR],
            [],
        ]
    ):
        world.say(provider, action, id=request.correlation_id)
