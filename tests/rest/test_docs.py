"""The examples of docs/rest.md, run with curl as their readers run them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import require
from tests.rest.kit import token_of
from tests.servers import ROOT, Server

PAGE = ROOT / "docs" / "rest.md"
ANYTHING = "…"


class Example(NamedTuple):
    """A command and the answer that is printed under it, "" if there is none."""

    command: str
    answer: str


def examples(page: Path) -> Iterator[Example]:
    """The indented blocks of ``page`` that begin with curl."""
    for block in page.read_text(encoding="utf-8").split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("    curl "):
            yield Example(lines[0].strip(), "".join(line.strip() for line in lines[1:]))


def is_like(found: Any, printed: Any) -> bool:
    """Whether they are equal, where … stands for anything."""
    if printed == ANYTHING:
        return True
    if isinstance(printed, dict) and isinstance(found, dict):
        wanted = {key: value for key, value in printed.items() if key != ANYTHING}
        known = found.keys() == wanted.keys() or (ANYTHING in printed and found.keys() >= wanted.keys())
        return known and all(is_like(found[key], value) for key, value in wanted.items())
    if isinstance(printed, list) and isinstance(found, list):
        return len(found) == len(printed) and all(map(is_like, found, printed))
    return bool(found == printed)


def test_every_example_answers_what_is_printed_under_it(server: Server) -> None:
    require(shutil.which("curl"), "needs curl (apt-get install curl)")
    environment = os.environ | {
        "REST": f"{server.http_url}/rest/v1",
        "AUTH": f"Authorization: Token {token_of('root')}",
    }
    seen = 0
    for command, answer in examples(PAGE):
        done = subprocess.run(
            ["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=30, check=True
        )
        if answer:
            assert is_like(json.loads(done.stdout), json.loads(answer)), f"{command}\n{done.stdout}"
        else:
            assert done.stdout == "", command
        seen += 1
    assert seen > 12


@pytest.mark.parametrize(
    ("found", "printed", "like"),
    [
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ({"a": 1, "b": 2}, {"a": 1, "…": "…"}, True),
        ({"b": 2}, {"a": "…", "…": "…"}, False),
        ([{"a": 5}], [{"a": "…"}], True),
        ([1, 2], [1], False),
    ],
    ids=str,
)
def test_the_comparison_sees_what_is_different(found: Any, printed: Any, like: bool) -> None:
    assert is_like(found, printed) is like
