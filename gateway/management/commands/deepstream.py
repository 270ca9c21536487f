"""``manage.py deepstream``: the server's command line (CONFIG.md, Command line)."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, DjangoHelpFormatter

from gateway.commands import check, explain, hash_password, info, install, nginx, rules, service, start
from gateway.commands.subcommand import Subcommand

SUBCOMMANDS: Mapping[str, Subcommand] = {
    "start": start,
    "check": check,
    "explain": explain,
    "hash": hash_password,
    "info": info,
    "install": install,
    "nginx": nginx,
    "rules": rules,
    "service": service,
}

_OF_DJANGO = DjangoHelpFormatter.show_last | {"-v", "-h", "--help"}
"""Flags that stand before a subcommand."""

EPILOG = """\
Without a subcommand the server starts. `deepstream COMMAND --help` tells about each, with examples.

  deepstream check          is everything that is configured in order?
  deepstream                serve
  kill -HUP PID             read rules and users again"""


class Command(BaseCommand):
    """Runs the server, and what is done around it."""

    help = "The deepstream server."
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """As Django's, but the lines of the epilog stay as they are."""
        kwargs |= {"formatter_class": RawDescriptionHelpFormatter, "epilog": EPILOG}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the subcommands."""
        parser.prog = parser.prog.removeprefix("deepstream ")  # the program of that name says it once
        commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="subcommands")
        for name, subcommand in SUBCOMMANDS.items():
            one = commands.add_parser(
                name,
                help=subcommand.HELP,
                description=f"{subcommand.HELP[0].upper()}{subcommand.HELP[1:]}.",
                epilog=subcommand.EPILOG,
                formatter_class=RawDescriptionHelpFormatter,
            )
            subcommand.add_arguments(one)

    def run_from_argv(self, argv: list[str]) -> None:
        """From the command line, where ``start`` may be left out."""
        super().run_from_argv([*argv[:2], *with_subcommand(argv[2:])])

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        SUBCOMMANDS[options["command"] or "start"].run(self, options)


def with_subcommand(arguments: list[str]) -> list[str]:
    """``arguments`` with ``start`` in its place if no subcommand is among them.

    A first word that is none is left alone: it is a subcommand that somebody mistyped.
    """
    asks_for_help = arguments[:1] in (["-h"], ["--help"], ["--version"])
    is_word = bool(arguments) and not arguments[0].startswith("-")
    if asks_for_help or is_word or not SUBCOMMANDS.keys().isdisjoint(arguments):
        return arguments
    own = (
        index
        for index, argument in enumerate(arguments)
        if argument.startswith("-") and argument.partition("=")[0] not in _OF_DJANGO
    )
    place = next(own, len(arguments))
    return [*arguments[:place], "start", *arguments[place:]]
