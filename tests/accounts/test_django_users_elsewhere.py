"""Strategy ``django`` on two nodes: what becomes of a user at one, or in a process that is none."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from deepstream_protocol.message import Message
from deepstream_protocol.topics import AuthAction, Topic
from tests.cluster.fleet import Fleet, fleet_in
from tests.raw_client import RawClient
from tests.servers import ROOT, configuration, django_environment

pytestmark = [pytest.mark.redis, pytest.mark.postgres, pytest.mark.slow]

POLICY = 1008
ATTEMPTS, DELAY = 2, 0.4


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    config = configuration(
        auth=[{"type": "django"}], loginThrottle={"attempts": ATTEMPTS, "delay": 1000 * DELAY}
    )
    with fleet_in(tmp_path_factory.mktemp("fleet"), size=2, config=config) as fleet:
        yield fleet


async def python(fleet: Fleet, code: str) -> None:
    """Run ``code`` in a process of Django's that serves nobody."""
    environment = os.environ | django_environment(fleet.folder / "unused", fleet.folder)
    await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "manage.py", "shell", "--no-imports", "--command", code],
        cwd=ROOT,
        env=environment | {"DATABASE_URL": fleet.database},
        check=True,
    )


async def create(fleet: Fleet, name: str) -> dict[str, str]:
    """A user, and the login data."""
    users = "from django.contrib.auth.models import User"
    await python(fleet, f"{users}; User.objects.create_user('{name}', password='tiger', is_staff=True)")
    return {"username": name, "password": "tiger"}


async def post(page: httpx.AsyncClient, path: str, **data: str) -> None:
    """Send a form of the admin."""
    data["csrfmiddlewaretoken"] = page.cookies["csrftoken"]
    assert (await page.post(path, data=data)).status_code in (200, 302)


async def test_who_signs_out_at_one_node_is_out_at_the_others(fleet: Fleet) -> None:
    ann, bob = await create(fleet, "ann"), await create(fleet, "bob")
    async with (
        RawClient.connect(fleet.urls[1]) as client,
        RawClient.connect(fleet.urls[1]) as other,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{fleet.ports[0]}", timeout=30) as page,
    ):
        await client.login(ann)
        await other.login(bob)
        await page.get("/admin/login/")
        await post(page, "/admin/login/", **ann)
        await post(page, "/admin/logout/")
        assert await client.closed() == POLICY
        await other.quiet()


async def test_who_is_deactivated_by_another_process_is_out_at_every_node(fleet: Fleet) -> None:
    cleo, dan = await create(fleet, "cleo"), await create(fleet, "dan")
    async with (
        RawClient.connect(fleet.urls[0]) as first,
        RawClient.connect(fleet.urls[1]) as second,
        RawClient.connect(fleet.urls[1]) as other,
    ):
        await first.login(cleo)
        await second.login(cleo)
        await other.login(dan)
        users = "from django.contrib.auth.models import User"
        await python(fleet, f"{users}; User.objects.filter(username='cleo').update(is_active=False)")
        assert await first.closed() == POLICY
        assert await second.closed() == POLICY
        await other.quiet()


async def test_who_guessed_at_one_node_waits_at_the_others(fleet: Fleet) -> None:
    eve = await create(fleet, "eve")
    wrong = '{"username": "eve", "password": "lion"}'
    loop = asyncio.get_running_loop()
    async with RawClient.connect(fleet.urls[0]) as guesser, RawClient.connect(fleet.urls[1]) as second:
        await guesser.challenge()
        for _ in range(ATTEMPTS):
            await guesser.send(Message(Topic.AUTH, AuthAction.REQUEST, data=wrong))
            await guesser.expect(topic=Topic.AUTH, action=AuthAction.AUTH_UNSUCCESSFUL)
        await asyncio.to_thread(fleet.settle)
        begun = loop.time()
        await second.login(eve)
        assert loop.time() - begun >= DELAY
