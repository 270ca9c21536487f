"""The public page: what runs here, where it is reached, and a playground."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.urls import reverse
from django.views.generic import TemplateView

from deepstream_project.config import Config, ConfigError, load_config
from gateway.apps import GatewayConfig
from gateway.commands.info import own_version

FEATURES = {
    "record": "Records",
    "event": "Events",
    "rpc": "Remote procedure calls",
    "presence": "Presence",
}
"""What the parts of deepstream are called."""


class Address(NamedTuple):
    """Something that is reached here: what it is, the scheme without its ``s``, the path, and for whom."""

    title: str
    scheme: str
    path: str
    note: str = ""


class Welcome(TemplateView):
    """Says nothing that a client could not find out; only the playground can be switched off."""

    template_name = "index.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Version, features, addresses; and for the playground's script what it needs to know."""
        config = _config()
        features = [name for name in FEATURES if getattr(config.features, name)]
        secure = "s" if self.request.is_secure() else ""
        host = self.request.get_host()
        addresses = [
            (one, f"{one.scheme}{secure}://{host}{one.path}", one.scheme == "http")
            for one in _addresses(config)
        ]
        binary = config.endpoints.binary
        playground = None
        if settings.PLAYGROUND and binary is not None and features:
            is_open = any(strategy.type == "none" for strategy in config.auth)
            playground = {"path": binary.url_path, "features": features, "isOpen": is_open}
        return super().get_context_data(
            version=own_version(),
            features=[FEATURES[name] for name in features],
            addresses=addresses,
            playground=playground,
            **kwargs,
        )


def _config() -> Config:
    """How this process's server is configured, or else how one would be."""
    gateway = apps.get_app_config("gateway")
    assert isinstance(gateway, GatewayConfig)
    if gateway.config is not None:
        return gateway.config
    try:
        return load_config()
    except ConfigError:
        return Config()


def _addresses(config: Config) -> Iterator[Address]:
    ends = config.endpoints
    if ends.binary:
        yield Address("Clients", "ws", ends.binary.url_path, "the official clients, from version 4 on")
    if ends.json:
        yield Address("JSON clients", "ws", ends.json.url_path, "messages as JSON text")
    if ends.text:
        yield Address("Old clients", "ws", ends.text.url_path, "up to version 3")
    if ends.http_api:
        yield Address("HTTP API", "http", ends.http_api.post_path, "deepstream's own, by POST")
    yield Address("REST API", "http", reverse("rest:docs"), "its documentation, for staff")
    yield Address("Admin", "http", reverse("admin:index"), "for staff")
    yield Address("Health check", "http", config.http.health_check_path)
