"""``deepstream nginx``: a configuration for a proxy in front."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deepstream_project.config import Config
from gateway.commands.subcommand import add_config, read_config

HELP = "print a configuration for nginx in front of the server"
EPILOG = """\
The server then runs with BEHIND_PROXY=1, listens on the loopback address alone (httpServer.options.host:
127.0.0.1), and names the host in ALLOWED_HOSTS.

  deepstream nginx --server-name example.com > /etc/nginx/conf.d/deepstream.conf
  deepstream nginx --server-name example.com --certificate fullchain.pem --key privkey.pem"""

_TLS = """\
    listen 443 ssl;
    listen [::]:443 ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};"""
_PLAIN = """\
    listen 80;
    listen [::]:80;"""
_CONFIGURATION = """\
# deepstream behind nginx; made by `deepstream nginx`.
map $http_upgrade $deepstream_connection {{
    default upgrade;
    ''      '';
}}

upstream deepstream {{
    server {address};
    keepalive 32;
}}

server {{
{listen}
    server_name {server_name};
    client_max_body_size {body_size};

    location / {{
        proxy_pass {scheme}://deepstream;
        proxy_http_version 1.1;
        # WebSocket ({paths})
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $deepstream_connection;
        proxy_set_header Host $host;
        # Who asks: what the client itself claims is replaced, so that nobody can pass for another address.
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        # A quiet client is heard of every {heartbeat} seconds.
        proxy_read_timeout {timeout}s;
        proxy_send_timeout {timeout}s;
        proxy_buffering off;
    }}
}}
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the flags."""
    add_config(parser)
    parser.add_argument("--server-name", default="_", metavar="NAME", help="the host's name (default: any)")
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="the TLS certificate, PEM")
    parser.add_argument("--key", type=Path, metavar="FILE", help="its private key, PEM")


def run(command: BaseCommand, options: Mapping[str, Any]) -> None:
    """Print it."""
    if (options["certificate"] is None) != (options["key"] is None):
        raise CommandError("--certificate and --key go together.")
    command.stdout.write(_configuration(read_config(options), options), ending="")


def _configuration(config: Config, options: Mapping[str, Any]) -> str:
    sockets = [
        one
        for one in (config.endpoints.binary, config.endpoints.json, config.endpoints.text)
        if one is not None
    ]
    heartbeat = max((one.heartbeat_interval for one in sockets), default=30.0)
    host = "127.0.0.1" if config.http.host in ("0.0.0.0", "::", "") else config.http.host
    return _CONFIGURATION.format(
        address=f"[{host}]:{config.http.port}" if ":" in host else f"{host}:{config.http.port}",
        scheme="https" if config.http.ssl else "http",
        server_name=options["server_name"],
        listen=(_TLS if options["key"] else _PLAIN).format(**options),
        body_size=config.http.max_message_size,
        paths=", ".join(one.url_path for one in sockets),
        heartbeat=_seconds(heartbeat),
        timeout=_seconds(3 * heartbeat),
    )


def _seconds(duration: float) -> int:
    return max(1, round(duration))
