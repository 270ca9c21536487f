"""How the operators' pages write what is not text."""

from __future__ import annotations

from datetime import datetime

from django.utils.timezone import localtime


def when(at: datetime) -> str:
    """Day and time to the second, in the server's zone, which is named."""
    return f"{localtime(at):%Y-%m-%d %H:%M:%S %Z}"
