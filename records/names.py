"""Which names a record can have: one contract for every database."""

from __future__ import annotations

MAX_NAME_LENGTH = 1024
"""Characters of a name."""

MAX_NAME_BYTES = 2600
"""Bytes of a name in UTF-8: an entry of a PostgreSQL index holds no more than 2704 bytes."""


def name_problem(name: str) -> str | None:
    """Why a record cannot be named ``name``; None when it can.

    Any text will do but for NUL and lone surrogates: PostgreSQL has no NUL, UTF-8 no lone surrogates.
    """
    if not name:
        return "A record name is not empty."
    if "\0" in name:
        return "A record name has no NUL character."
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "A record name has no lone surrogates."
    if len(name) > MAX_NAME_LENGTH or size > MAX_NAME_BYTES:
        return f"A record name has at most {MAX_NAME_LENGTH} characters and {MAX_NAME_BYTES} bytes."
    return None
