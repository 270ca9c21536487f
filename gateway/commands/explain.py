"""``deepstream explain``: why a user may or may not do something."""

from __future__ import annotations

import asyncio
import json
from argparse import ArgumentParser
from collections.abc import Collection, Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.core.management.base import BaseCommand, CommandError

from deepstream_project.config import Config
from deepstream_project.config_login import FileOptions
from deepstream_protocol.message import Message
from gateway.commands.explanation import lines_of
from gateway.commands.subcommand import add_config, read_config
from permissions import rule_sets
from permissions.asking import ABSENT, ACTIONS, InvalidQuestion, message_for
from permissions.document import InvalidRules
from permissions.reader import NOT_LOADED, Known
from permissions.rule_text import read_rules
from permissions.ruleset import RuleSet
from pubsub.user import User
from records.models import Record

HELP = "show which rule decides, and why, as a tree"
EPILOG = """\
Asks the rules of the configuration as the server would, and shows which paths match, which one wins, and what
each part of its expression was. Records are read from the database unless they are given.

  deepstream explain --user jane --action record.write --name bids/4 --data '{"price": 5}'
  deepstream explain --user jane --user-data '{"role": "seller"}' --action event.publish --name news
  deepstream explain --action record.read --name a --old-data '{"public": true}' --record 'b={"open": 1}'"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the flags."""
    add_config(parser)
    parser.add_argument("--user", metavar="ID", help="who asks (default: an open login)")
    parser.add_argument(
        "--user-data", metavar="JSON", help="the user's serverData (default: what users.yml says)"
    )
    parser.add_argument("--action", required=True, choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
    parser.add_argument(
        "--name", required=True, help="the record, event, RPC, pattern or (presence) user asked about"
    )
    parser.add_argument("--data", metavar="JSON", help="what is written, published or requested")
    parser.add_argument("--path", help="record.patch: where in the record")
    parser.add_argument("--old-data", metavar="JSON", help="what the record holds now")
    parser.add_argument(
        "--record",
        action="append",
        default=[],
        metavar="NAME=JSON",
        help="another record, for _(…) in rules; NAME=null: there is none",
    )
    parser.add_argument("--json", action="store_true", help="as JSON, with all details")


def run(command: BaseCommand, options: Mapping[str, Any]) -> None:
    """Print the tree."""
    config = read_config(options)
    document = _rules_in_force(config)
    records = _Records(_given(options))
    try:
        rules = RuleSet(
            document,
            records=records,
            max_rule_iterations=config.permission.max_rule_iterations,
        )
    except InvalidRules:
        raise CommandError("The rules have errors: run `deepstream check`.") from None
    explanation = asyncio.run(rules.explain(_user(config, options), _message(options)))
    if options["json"]:
        command.stdout.write(json.dumps(explanation, indent=2, ensure_ascii=False))
    else:
        command.stdout.write("\n".join(lines_of(explanation)))


def _rules_in_force(config: Config) -> Any:
    if config.permission.type == "database":
        version = rule_sets.active()
        if version is None:
            raise CommandError("No rule set is active in the database, so there are no rules to ask.")
        try:
            return read_rules(version.source).values
        except InvalidRules:
            raise CommandError("The active rule set has errors: run `deepstream check`.") from None
    if config.permission.rules is None:
        raise CommandError("permission: none allows everything, so there are no rules to ask.")
    return config.permission.rules


class _Records:
    """Records that were given, and those of the database (``permissions.reader.RecordReader``)."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._known: dict[str, Known] = {
            name: None if value is None else (1, value) for name, value in given.items()
        }

    def peek(self, name: str) -> Known:
        """See ``RecordReader.peek``."""
        return self._known.get(name, NOT_LOADED)

    async def load(self, names: Collection[str]) -> None:
        """See ``RecordReader.load``."""
        found = await sync_to_async(_from_database)(names)
        self._known.update({name: found.get(name) for name in names})


def _from_database(names: Collection[str]) -> dict[str, tuple[int, Any]]:
    rows = Record.objects.filter(name__in=names).values_list("name", "version", "data")
    return {name: (version, data) for name, version, data in rows}


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    given = {}
    for pair in options["record"]:
        name, separator, text = pair.partition("=")
        if not separator:
            raise CommandError(f"--record {pair!r}: must be NAME=JSON.")
        given[name] = _json("--record", text)
    if options["old_data"] is not None:
        given[options["name"]] = _json("--old-data", options["old_data"])
    return given


def _user(config: Config, options: Mapping[str, Any]) -> User:
    name = options["user"]
    if options["user_data"] is not None:
        return User(
            name, is_authenticated=name is not None, server_data=_json("--user-data", options["user_data"])
        )
    if name is None:
        return User("open", is_authenticated=False)
    for strategy in config.auth:
        if isinstance(strategy.options, FileOptions):
            user = strategy.options.users.content.get(name, {})
            return User(name, client_data=user.get("clientData"), server_data=user.get("serverData"))
    return User(name)


def _message(options: Mapping[str, Any]) -> Message:
    data = ABSENT if options["data"] is None else _json("--data", options["data"])
    if options["action"] == "record.patch" and (options["path"] is None or data is ABSENT):
        raise CommandError("record.patch needs --path and --data.")
    try:
        return message_for(options["action"], options["name"], data=data, path=options["path"])
    except InvalidQuestion as error:
        raise CommandError(str(error)) from None


def _json(flag: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandError(f"{flag} {text!r}: no JSON: {error}") from None
