#!/usr/bin/env python
"""Django's command line for this project; ``deepstream start`` runs the server."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from deepstream_project.config_file import name_config


def main(arguments: list[str]) -> None:
    """Run one command; what is wrong with the settings is said in a line each, without a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deepstream_project.settings")
    if arguments[1:2] == ["deepstream"]:
        name_config(arguments[2:], os.environ)  # the settings, which are read first, depend on it
    try:
        execute_from_command_line(arguments)
    except ImproperlyConfigured as error:
        sys.exit("\n".join(problems()) or str(error))


def deepstream() -> None:
    """The program ``deepstream``, once it is installed: ``manage.py deepstream``, from any folder."""
    main([sys.argv[0], "deepstream", *sys.argv[1:]])


def problems() -> tuple[str, ...]:
    """Why the settings do not know which database is meant."""
    from django.conf import settings

    try:
        return tuple(settings.DEEPSTREAM_PROBLEMS)
    except ImproperlyConfigured:
        return ()


if __name__ == "__main__":
    main(sys.argv)
