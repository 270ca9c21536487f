"""The bounds of lists about what is live, and choosing their rows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from heapq import nlargest
from itertools import islice
from typing import Any

LIMIT = 200
"""Rows of a list unless its caller wants another number."""

MOST = 1000
"""Rows of a list at most."""

SCANNED = 20_000
"""Names or clients that one operation looks at: while it does, nobody is served."""


def bounded(limit: int) -> int:
    """``limit`` within 1 and MOST."""
    return max(1, min(limit, MOST))


def top(
    names: Collection[str],
    *,
    search: str,
    limit: int,
    weight: Callable[[str], int],
    row: Callable[[str], dict[str, Any]],
) -> dict[str, Any]:
    """The ``row`` of those names with ``search`` in them that weigh most, and how many there are."""
    looked_at = islice(names, SCANNED)
    wanted = search.casefold()
    found = [name for name in looked_at if wanted in name.casefold()] if wanted else list(looked_at)
    chosen = nlargest(bounded(limit), found, key=weight)
    complete = len(names) <= SCANNED
    total = len(found) if wanted or complete else len(names)
    return {"total": total, "complete": complete, "names": [row(name) for name in chosen]}
