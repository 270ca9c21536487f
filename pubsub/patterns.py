"""Patterns that listeners listen to: regular expressions from clients, matched in linear time."""

from __future__ import annotations

import re2

from pubsub.connection import Connection

MAX_PATTERN_LENGTH = 4096
"""Characters; a pattern is kept compiled for as long as its listener listens."""


class Pattern:
    """A compiled pattern and who listens to it, in order of arrival: connections here, nodes elsewhere."""

    __slots__ = ("_compiled", "listeners", "nodes")

    def __init__(self, text: str) -> None:
        """Raises ValueError with the reason for a text that is no pattern."""
        if not text or len(text) > MAX_PATTERN_LENGTH:
            raise ValueError(f"a pattern has 1 to {MAX_PATTERN_LENGTH} characters")
        options = re2.Options()
        options.log_errors = False
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as error:
            reason = error.args[0] if error.args else "not a regular expression"
            raise ValueError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None
        self.listeners: dict[Connection, None] = {}
        self.nodes: dict[str, None] = {}

    def matches(self, name: str) -> bool:
        """Whether the pattern is found in ``name``; takes time linear in it, whatever the pattern."""
        return self._compiled.search(name) is not None
