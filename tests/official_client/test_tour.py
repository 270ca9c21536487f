"""The tour in ``examples`` runs as its readers run it, and prints what they are told it prints."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import NODE_FOLDER, ROOT, Server

pytestmark = pytest.mark.node

EXPECTED = """\
dispatcher is logged in
driver is logged in
the dispatcher reads driver/14: {"name":"John Doe","position":{"x":4234,"y":2454},"speed":22}
driver/14 changed: {"name":"John Doe","position":{"x":4235,"y":2454},"speed":22}
its position.x changed: 4235
the driver hears news: "the bridge is open"
add-two of 7 and 8 is 15
online besides the dispatcher: ["driver"]
driver/14 is deleted
"""


def run_tour(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Run the tour from a folder of its own, with the packages of tests/node in place of an npm install."""
    shutil.copy(ROOT / "examples" / "tour.mjs", folder)
    packages = folder / "node_modules"
    packages.unlink(missing_ok=True)
    packages.symlink_to(NODE_FOLDER / "node_modules")
    return subprocess.run(
        ["node", "tour.mjs", url], cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )


def test_the_tour_prints_what_happens_and_ends_well_however_often_it_is_run(
    server: Server, tmp_path: Path
) -> None:
    for _ in range(2):
        done = run_tour(tmp_path, f"{server.url}/deepstream")
        assert (done.returncode, done.stdout) == (0, EXPECTED), done.stderr + server.log_tail()


def test_the_tour_says_so_when_there_is_no_server(server: Server, tmp_path: Path) -> None:
    server.stop()
    done = run_tour(tmp_path, f"{server.url}/deepstream")
    assert done.returncode == 1
    assert "CONNECTION_ERROR" in done.stderr
    server.start()
