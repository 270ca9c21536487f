"""Lines of the text wire format as tests write them: ``|`` between the parts and ``;`` at the end."""

from __future__ import annotations

WIRE = str.maketrans("|;", "\x1f\x1e")
SHOWN = str.maketrans("\x1f\x1e", "|;")


def wire(text: str) -> str:
    """``E|S|name;`` as it is on the wire."""
    return text.translate(WIRE)


def shown(payload: str) -> str:
    """What is on the wire as ``E|S|name;``."""
    return payload.translate(SHOWN)
