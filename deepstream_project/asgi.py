"""The ASGI application for Daphne, ``manage.py runserver`` and any other ASGI server.

The configuration is looked for as ``deepstream_project.config`` says; what is wrong with it ends the program,
in a line each. ``manage.py deepstream start`` is the faster way to serve the same application.
"""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deepstream_project.settings")
django.setup()

from deepstream_project.config import ConfigError, load_config  # noqa: E402
from gateway.application import Application  # noqa: E402

try:
    application = Application(load_config())
except ConfigError as error:
    raise SystemExit(str(error)) from None
