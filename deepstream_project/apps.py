"""Other packages' apps, configured as this project needs them."""

from __future__ import annotations

from django.apps import AppConfig


class DaphneCommands(AppConfig):
    """Daphne for its ``runserver`` alone.

    Its own configuration loads its server and Twisted in every process, to be the first to choose Twisted's
    reactor; nothing else here uses one, and that is a quarter of the time that a command takes to start.
    """

    name = "daphne"
    verbose_name = "Daphne"
