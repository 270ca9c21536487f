"""The Autobahn test suite, the reference of conformance to RFC 6455, finds nothing wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import require
from tests.gateway.sockets.autobahn.run import ROOT

UNAVAILABLE = 2


@pytest.mark.autobahn
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_case_of_the_autobahn_suite_fails() -> None:
    command = [sys.executable, "-m", "tests.gateway.sockets.autobahn.run"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    require(done.returncode != UNAVAILABLE, done.stderr.strip().rpartition("needs ")[2])
    assert done.returncode == 0, done.stdout + done.stderr
