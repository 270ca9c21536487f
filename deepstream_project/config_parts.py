"""The part of the configuration that Django's settings are made from: databases, Redis and logs.

Settings are read by every command, also by those that are there to find out what is wrong; so nothing here
raises because of the file, and of the rest of it nothing is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepstream_project.config_document import ConfigError, Document, read_document
from deepstream_project.config_file import find_config
from deepstream_project.config_place import MISSING, Place, Report
from deepstream_project.config_section import Section, plugin, setting, settings_of
from deepstream_project.config_services import ClusterConfig, LoggerConfig, StorageConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts(Section):
    """``storage``, ``clusterNode`` and ``logger``; a part with problems is ``None``."""

    storage: StorageConfig | None = field(
        default_factory=StorageConfig, metadata=setting(plugin(StorageConfig))
    )
    cluster_node: ClusterConfig | None = field(
        default_factory=ClusterConfig, metadata=setting(plugin(ClusterConfig))
    )
    logger: LoggerConfig | None = field(default_factory=LoggerConfig, metadata=setting(plugin(LoggerConfig)))


def load_parts(environ: Mapping[str, str]) -> tuple[Parts, tuple[str, ...]]:
    """What the file says that ``environ`` leads to, or the defaults, and the problems of these parts."""
    nothing = Parts(storage=None, cluster_node=None, logger=None)
    try:
        found = find_config(None, environ)
        document = read_document(found) if found else Document(Path("config.yml"), None, {})
    except ConfigError as error:
        return nothing, error.problems
    if not isinstance(document.values, dict):
        return (Parts(), ()) if document.values is None else (nothing, (f"{document.path}: has no sections",))
    report = Report(document)
    known = settings_of(Parts)
    read: dict[str, Any] = {}
    for key, value in document.values.items():
        if key in known and value is not None:
            place = Place(report).at(key)
            before = len(report.problems)
            made = place.read(known[key].metadata["read"], place.expand(value, environ))
            is_good = made is not MISSING and len(report.problems) == before
            read[known[key].name] = made if is_good else None
    return Parts(**read), tuple(report.problems)
