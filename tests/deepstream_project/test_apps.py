"""Tests of Daphne as an app of this project: its runserver is here, its server where it is used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.old_client.text_client import TextClient
from tests.servers import ROOT, Server, django_environment

LOADED = "import django, sys; django.setup(); print('daphne' in sys.modules, 'twisted' in sys.modules)"


def test_a_process_that_does_not_use_daphnes_server_does_not_load_it(tmp_path: Path) -> None:
    environment = os.environ | django_environment(tmp_path / "db.sqlite3", tmp_path)
    environment["DJANGO_SETTINGS_MODULE"] = "deepstream_project.settings"
    command = [sys.executable, "-c", LOADED]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


async def test_runserver_speaks_websocket(tmp_path: Path) -> None:
    with Server("runserver", tmp_path) as server:
        async with TextClient.login(server.url) as client:
            await client.say("E|S|news;")
            await client.expect("E|A|S|news")
