"""Text of bad will: it harms neither the server nor anybody else, and keeps nobody waiting."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.old_client.text_client import TextClient
from tests.servers import Server

NESTED = "[" * 400_000
LINES = [
    "E|EVT|a|O" + NESTED,
    "R|U|r|1|" + NESTED,
    "R|U|r|1|" + "[" * 240 + "]" * 240,
    'R|P|r|1|__proto__.x|O{"a":1}',
    "R|P|r|1|" + "a." * 100_000 + "|T",
    "R|P|r|1|[99999999999]|T",
    "R|P|r|" + "9" * 500_000 + "|a|T",
    "R|U|r|-2|{}",
    "R|CU||-1|{}|{}",
    'R|CU|r|-1|{}|{"writeSuccess":"yes"}',
    "E|L|(a+)+$",
    "E|L|" + "(" * 1000,
    "E|S|" + "n" * 500_000,
    "R|CR|" + "n" * 500_000,
    "R|CR|\x00",
    "P|REQ|a|" + "i" * 500_000,
    "P|RES|a|i|T",
    "P|E||a|i",
    "U|S|1|" + NESTED,
    "U|Q|1|[1,2,3]",
    "U|S|1|[]",
    "A|REQ|{}",
    "C|RED|ws://elsewhere",
    "X|E|NO|a",
    "|" * 200_000,
    "\x00\x01\x02",
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: repr(line[:30]))
async def test_the_server_and_the_others_go_on(server: Server, line: str) -> None:
    async with TextClient.login(server.url) as other, TextClient.login(server.url) as client:
        await other.ask("E|S|others", "E|A|S|others")
        await client.say(f"{line};E|EVT|others|Sstill here;C|PI;")
        while await client.hear() != "C|PO":
            pass
        await other.expect("E|EVT|others|Sstill here")
        await other.quiet()


async def test_random_text_is_answered_or_ends_the_connection(server: Server) -> None:
    chance = random.Random(7)
    alphabet = 'CAERPUXSQOHDLTNFW||||;;{}[]"0123456789:,-ab'
    async with TextClient.login(server.url) as client, TextClient.login(server.url) as other:
        for _ in range(300):
            line = "".join(chance.choices(alphabet, k=chance.randint(1, 40)))
            await client.say(f"{line};C|PI;")
            while await client.hear() != "C|PO":
                pass
        await other.quiet()


async def test_a_hundred_thousand_messages_in_a_frame_keep_nobody_waiting(server: Server) -> None:
    """Another client's pings are answered in between; were the frame done in one go, one or two would be."""
    async with TextClient.login(server.url) as client, TextClient.login(server.url) as other:
        await client.say("E|EVT|a|T;" * 100_000 + "R|HD|end;")
        end = asyncio.ensure_future(client.expect("R|HD|end|-1|null"))
        answered = 0
        while not end.done():
            await other.quiet()
            answered += 1
        await end
    assert answered > 20


async def test_a_hundred_thousand_pings_before_login_keep_nobody_waiting(server: Server) -> None:
    async with TextClient.connect(server.url) as client, TextClient.login(server.url) as other:
        await client.expect("C|A")
        await client.say("C|PO;" * 100_000 + "C|PI;")
        end = asyncio.ensure_future(client.expect("C|PO"))
        answered = 0
        while not end.done():
            await other.quiet()
            answered += 1
        await end
    assert answered > 10


async def test_messages_in_pieces_of_a_large_frame_are_done_in_order(server: Server) -> None:
    async with TextClient.login(server.url) as client, TextClient.login(server.url) as other:
        await other.ask("E|S|order", "E|A|S|order")
        await client.say("".join(f"E|EVT|order|N{number};" for number in range(20_000)))
        for number in range(20_000):
            await other.expect(f"E|EVT|order|N{number}")
