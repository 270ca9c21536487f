"""Fields of JSON bodies that take what the description says and nothing like it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class Text(serializers.CharField):
    """A string as it is: numbers are none, and blanks at its ends stay."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **options})

    def to_internal_value(self, data: Any) -> str:
        """The string; raises ValidationError."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false, not "yes" or 1."""

    def to_internal_value(self, data: Any) -> bool:
        """The truth value; raises ValidationError."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data
