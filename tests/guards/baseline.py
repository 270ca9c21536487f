"""The committed counts, and what may differ from them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

TOLERANCE = 0.10

FILE = Path(__file__).with_name("baseline.json")

Counts = dict[str, dict[str, float]]


def python() -> str:
    """What the counts depend on besides the code: the interpreter's compiler."""
    return f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}"


def baseline() -> tuple[str, Counts]:
    """The interpreter it was made with, and the counts of each path."""
    kept = json.loads(FILE.read_text())
    return kept["python"], kept["counts"]


def keep(counts: Counts) -> None:
    """Make ``counts`` the baseline."""
    FILE.write_text(json.dumps({"python": python(), "counts": counts}, indent=2) + "\n")


def excesses(counts: Counts, allowed: Counts) -> Iterator[str]:
    """Each count that is more than a tenth above or below what is allowed.

    Below as well: whoever makes a path faster renews the baseline, else half of the gain may be lost unseen.
    """
    for path, fields in allowed.items():
        for field, expected in fields.items():
            found = counts[path][field]
            if abs(found - expected) > TOLERANCE * expected:
                yield f"{path}: {found:g} {field}, {found / expected - 1:+.0%} on {expected:g}"


def comparison(counts: Counts) -> str:
    """A table of both."""
    allowed = baseline()[1] if FILE.exists() else {}
    lines = [f"{'path':44}{'bytecodes':>11}{'baseline':>11}{'C calls':>9}{'baseline':>9}"]
    for path, found in counts.items():
        expected = allowed.get(path, {})
        cells = (found["bytecodes"], expected.get("bytecodes"), found["c_calls"], expected.get("c_calls"))
        shown = ["–" if cell is None else f"{cell:,.1f}" for cell in cells]
        lines.append(f"{path:44}{shown[0]:>11}{shown[1]:>11}{shown[2]:>9}{shown[3]:>9}")
    return "\n".join(lines)
