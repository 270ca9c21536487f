"""``deepstream rules``: the rule sets in the database."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from deepstream_project.config import ConfigError
from deepstream_project.config_document import read_text
from deepstream_project.config_services import PermissionConfig
from gateway.commands.subcommand import add_config, read_config
from permissions.document import InvalidRules
from permissions.models import RuleSetVersion
from permissions.rule_sets import RulesRefused, activate, create_draft, roll_back, validate
from permissions.rule_text import located

HELP = "list, show, import and activate the rule sets of the database"
EPILOG = """\
They are in force with `permission: {type: database}` in config.yml; while a file is configured, the file is.
A running server takes over what is activated within two seconds, and disconnects nobody.

  deepstream rules import permissions.yml --comment "bids only go up"
  deepstream rules list
  deepstream rules activate 7 --comment "as discussed"
  deepstream rules rollback 5"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what can be done, and the flags of each."""
    ways = parser.add_subparsers(dest="way", metavar="WAY", required=True, title="ways")
    add_config(ways.add_parser("list", help="all versions, the newest first"))
    for name, what in (
        ("show", "print the rules of a version, and what is wrong with them"),
        ("activate", "put a draft in force"),
        ("rollback", "put the rules of a past version in force, as a new version"),
    ):
        one = ways.add_parser(name, help=what)
        one.add_argument("number", type=int, metavar="N", help="the version's number")
        add_config(one)
        if name != "show":
            _add_author(one)
    draft = ways.add_parser("import", help="keep a file as a draft")
    draft.add_argument("file", type=Path, metavar="FILE", help="rules, YAML or JSON")
    add_config(draft)
    _add_author(draft)


def _add_author(parser: ArgumentParser) -> None:
    parser.add_argument("--comment", default="", help="why, for those who read the list later")
    parser.add_argument("--author", help="who does it (default: the name of the account)")


def run(command: BaseCommand, options: Mapping[str, Any]) -> None:
    """Do it; a problem of the rules is a line of its own."""
    try:
        _WAYS[options["way"]](command, options)
    except InvalidRules as error:
        _print_problems(command, error)
        raise CommandError("The rules have errors, so they do not come into force.") from None
    except (RulesRefused, ConfigError) as error:
        raise CommandError(str(error)) from None
    except DatabaseError as error:
        raise CommandError(f"The database refused: {error}. Was `manage.py migrate` run?") from None


def _list(command: BaseCommand, options: Mapping[str, Any]) -> None:
    versions = RuleSetVersion.objects.defer("source", "document").order_by("-number")
    for version in versions.iterator():
        command.stdout.write(_line(version))
    if not versions.exists():
        command.stderr.write("There is no version yet: `deepstream rules import FILE` makes the first draft.")


def _line(version: RuleSetVersion) -> str:
    """Number, state, when and by whom it was written and activated, comments; empty ones are left out."""
    made = f"{version.created_at:%Y-%m-%d %H:%M} by {version.author}"
    notes = [version.comment]
    if version.activated_at is not None:
        notes.append(f"activated {version.activated_at:%Y-%m-%d %H:%M} by {version.activated_by}")
        notes.append(version.activation_comment)
    if version.came_from_id is not None:
        notes.append(f"came from {version.came_from_id}")
    if version.problems:
        notes.append(f"{len(version.problems)} problems")
    return "; ".join([f"{version.number:>4}  {version.state:<6}  {made}", *filter(None, notes)])


def _show(command: BaseCommand, options: Mapping[str, Any]) -> None:
    version = _version(options)
    command.stdout.write(version.source, ending="" if version.source.endswith("\n") else "\n")
    _print_problems(command, InvalidRules(validate(version)))


def _import(command: BaseCommand, options: Mapping[str, Any]) -> None:
    draft = create_draft(read_text(options["file"]), _author(options), options["comment"])
    _print_problems(command, InvalidRules(validate(draft)))
    what = (
        "it has errors" if draft.problems else f"`deepstream rules activate {draft.number}` puts it in force"
    )
    command.stdout.write(f"Version {draft.number} is a draft; {what}.")


def _activate(command: BaseCommand, options: Mapping[str, Any]) -> None:
    permission = read_config(options).permission
    version = activate(_version(options), _author(options), options["comment"], permission=permission)
    _say_active(command, version, permission)


def _roll_back(command: BaseCommand, options: Mapping[str, Any]) -> None:
    permission = read_config(options).permission
    version = roll_back(_version(options), _author(options), options["comment"], permission=permission)
    _say_active(command, version, permission)


_WAYS = {
    "list": _list,
    "show": _show,
    "import": _import,
    "activate": _activate,
    "rollback": _roll_back,
}


def _say_active(command: BaseCommand, version: RuleSetVersion, permission: PermissionConfig) -> None:
    command.stdout.write(f"Version {version.number} is active.")
    if permission.type == "none":
        command.stderr.write("It is not asked: config.yml has `permission: none`, which allows everything.")


def _print_problems(command: BaseCommand, invalid: InvalidRules) -> None:
    for problem in invalid.problems:
        command.stderr.write(located(problem))


def _version(options: Mapping[str, Any]) -> RuleSetVersion:
    try:
        return RuleSetVersion.objects.get(pk=options["number"])
    except RuleSetVersion.DoesNotExist:
        raise CommandError(f"There is no version {options['number']}: see `deepstream rules list`.") from None


def _author(options: Mapping[str, Any]) -> str:
    if options["author"]:
        return str(options["author"])
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return "command line"
