"""``deepstream hash``: a password as users.yml has it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.passwords import Passwords
from deepstream_project.config import Config
from deepstream_project.config_login import FileOptions, HashOptions
from gateway.commands.subcommand import add_config, read_config

HELP = "hash a password for users.yml"
EPILOG = """\
Uses hash, iterations and keyLength of the login strategy `file` in the configuration: a hash that was made
with others does not match. Without a password it is asked for, and nobody sees it on the screen or in the
shell's history.

  deepstream hash
  deepstream hash 'correct horse battery staple'
  pass show jane | deepstream hash"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add_config(parser)
    parser.add_argument("password", nargs="?", help="asked for if it is not given")


def run(command: BaseCommand, options: Mapping[str, Any]) -> None:
    """Print the hash, and nothing else on standard output."""
    settings = _settings(command, read_config(options))
    if settings.hash is None:
        raise CommandError("The strategy file has hash: false, so users.yml holds passwords in clear text.")
    password = _asked() if options["password"] is None else options["password"]
    if not password:
        raise CommandError("A password cannot be empty.")
    passwords = Passwords(settings)
    command.stdout.write(passwords.hash(password))
    passwords.close()


def _settings(command: BaseCommand, config: Config) -> HashOptions:
    for strategy in config.auth:
        if isinstance(strategy.options, FileOptions):
            return strategy.options
    defaults = HashOptions()
    command.stderr.write(
        f"The configuration has no strategy file: hashed with its defaults, {defaults.hash} and"
        f" {defaults.iterations} iterations. Better write stronger ones there first."
    )
    return defaults


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("Password: ")
    if getpass("Once more: ") != password:
        raise CommandError("The two are not the same.")
    return password
