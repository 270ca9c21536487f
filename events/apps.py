"""The Django app of events."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Has no tables: events are passed on, not stored."""

    name = "events"
    verbose_name = "Events"
