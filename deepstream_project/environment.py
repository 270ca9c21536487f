"""What the settings read from the process environment, with errors that name the variable."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"", "0", "false", "no", "off"})


def flag(name: str, *, default: bool = False) -> bool:
    """Whether the environment variable ``name`` says yes; unset means ``default``."""
    text = os.environ.get(name)
    if text is None:
        return default
    word = text.strip().lower()
    if word in YES | NO:
        return word in YES
    raise ImproperlyConfigured(f"{name}={text!r}: use 1 or 0.")


def number(name: str, *, default: int) -> int:
    """The environment variable ``name`` as an integer of at least 0; unset or empty means ``default``."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if text.isascii() and text.isdigit():
        return int(text)
    raise ImproperlyConfigured(f"{name}={text!r}: use a whole number of at least 0.")


def choice(name: str, allowed: tuple[str, ...], *, default: str) -> str:
    """The environment variable ``name``, in capitals, which must be one of ``allowed``."""
    word = os.environ.get(name, "").strip().upper() or default
    if word in allowed:
        return word
    raise ImproperlyConfigured(f"{name}={word!r}: use one of {', '.join(allowed)}.")


def words(name: str, *, default: list[str]) -> list[str]:
    """The comma-separated parts of the environment variable ``name``; unset or empty means ``default``."""
    return [word for part in os.environ.get(name, "").split(",") if (word := part.strip())] or default


def secret_key(path: Path) -> str:
    """The secret kept in ``path``, made on first use, readable by its owner alone.

    Processes that start together agree on one key: each writes a whole file of its own and links it to
    ``path``, which only the first can do; a reader never sees half a key.
    """
    try:
        return _read_secret(path)
    except FileNotFoundError:
        _offer_secret(path)
        return _read_secret(path)


def _read_secret(path: Path) -> str:
    secret = path.read_text(encoding="ascii").strip()
    if not secret:
        raise ImproperlyConfigured(f"{path} is empty: remove it, and a new key is made.")
    return secret


def _offer_secret(path: Path) -> None:
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(64) + "\n")
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its key is the key
    finally:
        os.unlink(draft)
