"""Node, as the measure of what an expression means."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require
from tests.permissions.valve_kit import NAMES, RECORDS


@pytest.fixture(scope="session")
def javascript() -> Iterator[Callable[[str], list[Any]]]:
    """What an expression comes to in JavaScript, told as ``valve_kit.evaluated`` does."""
    node = shutil.which("node")
    require(node, "node, to compare with JavaScript itself")
    assert node is not None
    command = [node, str(Path(__file__).with_name("javascript.mjs"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        questions, answers = process.stdin, process.stdout

        def say(message: Any) -> None:
            questions.write(json.dumps(message) + "\n")
            questions.flush()

        def evaluate(expression: str) -> list[Any]:
            say(expression)
            answer: list[Any] = json.loads(answers.readline())
            return answer

        say({"names": NAMES, "records": RECORDS})
        yield evaluate
        questions.close()
