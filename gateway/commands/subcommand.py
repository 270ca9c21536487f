"""What a subcommand is, and what most of them need: the configuration."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandError

from deepstream_project.config import Config, ConfigError, load_config


class Subcommand(Protocol):
    """A module of this package."""

    HELP: str
    """One line for the list of subcommands."""
    EPILOG: str
    """Examples for its own ``--help``."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare its arguments."""

    def run(self, command: BaseCommand, options: Mapping[str, Any]) -> None:
        """Do it; raises ``CommandError`` with what to do about it."""


def add_config(parser: ArgumentParser) -> None:
    """The argument that all have which read the configuration."""
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="the configuration, a file or a folder (default: $DEEPSTREAM_CONFIG_DIRECTORY,"
        " /etc/deepstream/conf, ./conf)",
    )


def read_config(options: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Config:
    """The configuration that the arguments name."""
    try:
        return load_config(options["config"], overrides=overrides)
    except ConfigError as error:
        raise CommandError(str(error)) from None
