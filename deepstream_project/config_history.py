"""The section ``record.history``: whether every write to a record is kept, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field

from deepstream_project.config_section import Section, setting
from deepstream_project.config_values import boolean, each, integer, text


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryConfig(Section):
    """What is kept of the past of records (docs/records.md); 0 days or versions are without end."""

    enabled: bool = field(default=False, metadata=setting(boolean))
    days: int = field(default=30, metadata=setting(integer(0, 36_500)))
    versions: int = field(default=100, metadata=setting(integer(0, 1_000_000)))
    exclude: tuple[str, ...] = field(default=(), metadata=setting(each(text)))
