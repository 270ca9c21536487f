"""``deepstream check``: read the whole configuration and every rule, without starting."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from accounts.passwords import Passwords
from deepstream_project.config import Config, ConfigError, load_config
from deepstream_project.config_document import read_document
from deepstream_project.config_file import LoadedFile, expand, find_config
from deepstream_project.config_login import FileOptions
from gateway.clustering import check_volatile
from gateway.commands.subcommand import add_config
from gateway.rules.file import check_rules, described_problems
from permissions import rule_sets
from permissions.rule_text import located

HELP = "read and check the configuration, the users and every rule, without starting"
EPILOG = """\
Prints every problem in a line of its own, with file, line and key, and ends with status 1 if there is one.
Before a running server is given new rules:

  deepstream check && kill -HUP PID"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the flags."""
    add_config(parser)


def run(command: BaseCommand, options: Mapping[str, Any]) -> None:
    """Print what is wrong, or in one line what is configured."""
    problems: list[str] = []
    try:
        config = load_config(options["config"])
    except ConfigError as error:
        problems += [*error.problems, *_problems_of_rules(options["config"], seen=error.problems)]
    else:
        problems += _problems_of(config)
    for problem in problems:
        command.stderr.write(problem)
    if problems:
        raise CommandError(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
    logins = ", ".join(strategy.type for strategy in config.auth)
    found = config.path or "the defaults (there is no configuration file)"
    command.stdout.write(f"{found}: all is well; login: {logins}; rules: {_rules_of(config)}")


def _rules_of(config: Config) -> str:
    rules = config.permission.rules
    if config.permission.type == "database":
        version = rule_sets.active()
        return "none active in the database" if version is None else f"{version} of the database"
    return "none" if rules is None else f"{_count(rules)} in {config.permission.path or 'the same file'}"


def _problems_of(config: Config) -> list[str]:
    problems: list[str] = []
    for check in (check_rules, check_volatile):
        try:
            check(config)
        except ConfigError as error:
            problems += error.problems
    if config.permission.type == "database":
        problems += _problems_in_database()
    for strategy in config.auth:
        if isinstance(strategy.options, FileOptions):
            problems += _problems_of_users(strategy.options)
    return problems


def _problems_in_database() -> list[str]:
    try:
        version = rule_sets.active()
    except DatabaseError as error:
        return [f"the rules cannot be read from the database: {error}"]
    problems = [] if version is None else rule_sets.validate(version)
    return [f"{version} of the database, {located(problem)}" for problem in problems]


def _problems_of_users(options: FileOptions) -> list[str]:
    passwords = Passwords(options)
    passwords.close()
    return [
        f"{options.users.path or 'users'}: user {name}: the password is no hash that was made with these"
        " options; make one with `deepstream hash`"
        for name, user in options.users.content.items()
        if not passwords.is_possible(user["password"])
    ]


def _problems_of_rules(path: Path | None, *, seen: tuple[str, ...]) -> list[str]:
    """The rules' own problems though the rest of the configuration cannot be used."""
    try:
        found = find_config(path, os.environ)
        assert found is not None
        rules = read_document(found).values["permission"]["options"]["permissions"]
        if isinstance(rules, str):
            rules = expand(rules, found.parent, os.environ)
    except (ConfigError, ValueError, KeyError, TypeError, AssertionError):
        return []  # that is among the problems already
    loaded = rules if isinstance(rules, LoadedFile) else LoadedFile(None, rules)
    return [problem for problem in described_problems(loaded) if problem not in seen]


def _count(rules: Mapping[str, Any]) -> int:
    return sum(len(types) for paths in rules.values() for types in paths.values())
