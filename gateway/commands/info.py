"""``deepstream info``: what runs here, as JSON."""

from __future__ import annotations

import json
import platform
import sys
import tomllib
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand

from deepstream_project.config import Config
from gateway.commands.subcommand import add_config, read_config

HELP = "versions, paths and what is configured, as JSON"
EPILOG = """\
Passwords, keys and URLs that may hold them are left out, so that this can be shown to others.

  deepstream info
  deepstream info | jq .configured.auth"""

_PACKAGES = ("django", "channels", "uvicorn", "uvloop", "websockets", "orjson")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the flags."""
    add_config(parser)


def run(command: BaseCommand, options: Mapping[str, Any]) -> None:
    """Print it."""
    config = read_config(options)
    found = {
        "version": own_version(),
        "python": platform.python_version(),
        "compiled": settings.DEEPSTREAM_IS_COMPILED,
        "platform": platform.platform(),
        "packages": {name: version(name) for name in _PACKAGES},
        "paths": _paths(config),
        "configured": _configured(config),
    }
    command.stdout.write(json.dumps(found, indent=2))


def own_version() -> str:
    """The version of this server."""
    project = Path(settings.BASE_DIR) / "pyproject.toml"
    return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


def _paths(config: Config) -> dict[str, str | None]:
    rules = config.permission.path
    return {
        "project": str(settings.BASE_DIR),
        "var": str(settings.VAR),
        "config": str(config.path) if config.path else None,
        "rules": str(rules) if rules else None,
        "python": sys.executable,
    }


def _configured(config: Config) -> dict[str, Any]:
    endpoints = {one.name: getattr(config.endpoints, one.name) for one in fields(config.endpoints)}
    return {
        "serverName": config.server_name,
        "listen": f"{config.http.host}:{config.http.port}",
        "tls": config.http.ssl is not None,
        "features": {one.name: getattr(config.features, one.name) for one in fields(config.features)},
        "endpoints": {
            name: getattr(options, "url_path", None) or getattr(options, "post_path", "")
            for name, options in endpoints.items()
            if options is not None
        },
        "auth": [one.type for one in config.auth],
        "permission": config.permission.type,
        "database": _database(),
        "clusterNode": _cluster(),
        "monitoring": [one.type for one in config.monitoring],
    }


def _database() -> dict[str, Any]:
    """Which one, where and who said so; nothing of how to get in."""
    database = settings.DATABASES["default"]
    return {
        "engine": database["ENGINE"].rpartition(".")[2],
        "host": database.get("HOST") or None,
        "port": database.get("PORT") or None,
        "name": str(database.get("NAME") or ""),
        "chosenBy": settings.DEEPSTREAM_ORIGINS["database"],
    }


def _cluster() -> dict[str, Any]:
    url = urlsplit(settings.REDIS_URL)
    return {
        "type": "redis" if settings.REDIS_URL else "default",
        "host": url.hostname,
        "port": url.port,
        "chosenBy": settings.DEEPSTREAM_ORIGINS["redis"],
    }
