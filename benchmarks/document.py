"""Tables in a document, renewed by the command that made them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class NoPlace(Exception):
    """The document has no place for a table; the text says how to make one."""


def replace_section(path: Path, command: str, text: str) -> None:
    """Put ``text`` between the two comments that name ``command``; raises ``NoPlace``."""
    before, after = f"<!-- begin: {command} -->", f"<!-- end: {command} -->"
    document = path.read_text() if path.exists() else ""
    head, found, rest = document.partition(before)
    _, found_end, tail = rest.partition(after)
    if not found or not found_end:
        raise NoPlace(
            f"{path} has no place for this table: put these two lines where it shall be\n{before}\n{after}"
        )
    path.write_text(f"{head}{before}\n\n{text.strip()}\n\n{after}{tail}")


def surroundings(environment: Mapping[str, str]) -> str:
    """Where the figures come from, in a paragraph."""
    return "Measured on: " + "; ".join(f"{key} {value}" for key, value in environment.items()) + "."
