"""The sections about sockets: the HTTP server and the endpoints that clients connect to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from deepstream_project.config_place import MISSING, Place
from deepstream_project.config_section import Section, read_choice, read_section, section, setting
from deepstream_project.config_values import (
    boolean,
    each,
    existing_file,
    header,
    integer,
    milliseconds,
    or_false,
    secret,
    shown,
    text,
    url_path,
)

_PORT = integer(0, 65535)
_TOGETHER = "what one turn of the event loop produces is written together"
_SERVER = {
    "host": "httpServer.options.host",
    "port": "httpServer.options.port",
    "healthCheckPath": "httpServer.options.healthCheckPath",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SslConfig(Section):
    """The paths of the PEM files for TLS, and the key's password."""

    key: Path = field(metadata=setting(existing_file))
    cert: Path = field(metadata=setting(existing_file))
    ca: Path | None = field(default=None, metadata=setting(existing_file))
    passphrase: str | None = field(default=None, repr=False, metadata=setting(secret))

    IGNORED: ClassVar[Mapping[str, str]] = {"dhParams": "Python's TLS chooses its parameters itself"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig(Section):
    """Where the server listens and what it asks of every HTTP request (``httpServer.options``).

    ``headers``: request headers, in lower case, that login strategies and rules may see.
    ``max_message_size``: bytes of a request body.
    """

    host: str = field(default="0.0.0.0", metadata=setting(text))
    port: int = field(default=6020, metadata=setting(_PORT))
    health_check_path: str = field(default="/health-check", metadata=setting(url_path))
    allow_all_origins: bool = field(default=True, metadata=setting(boolean))
    origins: tuple[str, ...] = field(default=(), metadata=setting(each(text)))
    headers: tuple[str, ...] = field(default=(), metadata=setting(each(header)))
    max_message_size: int = field(default=1_048_576, metadata=setting(integer(1)))
    ssl: SslConfig | None = field(default=None, metadata=setting(section(SslConfig)))

    TYPES: ClassVar[tuple[str, ...]] = ("default", "ws", "uws")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketEndpoint(Section):
    """One WebSocket path; as it stands ``ws-binary``, for clients of version 4 and later.

    ``heartbeat_interval``: seconds between a client's pings; silent for twice that long is gone (PROTOCOL.md
    section 2). ``unauthenticated_client_timeout``: seconds to log in, ``None`` for ever.
    ``max_outbox_size``: bytes that may wait for a client that does not read; beyond, it is closed.
    ``max_message_size``: bytes of a frame. ``headers``: request headers, in lower case, for login strategies.
    ``outgoing_buffer_timeout``, ``max_buffer_byte_size``: accepted, not needed: what one tick of the loop
    produces is written together.
    """

    url_path: str = field(default="/deepstream", metadata=setting(url_path))
    heartbeat_interval: float = field(default=30.0, metadata=setting(milliseconds(1)))
    outgoing_buffer_timeout: float = field(default=0.0, metadata=setting(milliseconds(), needless=_TOGETHER))
    max_buffer_byte_size: int = field(default=100_000, metadata=setting(integer(1), needless=_TOGETHER))
    max_outbox_size: int = field(default=16 * 1024 * 1024, metadata=setting(integer(1)))
    unauthenticated_client_timeout: float | None = field(
        default=180.0, metadata=setting(or_false(milliseconds(1)))
    )
    max_auth_attempts: int = field(default=3, metadata=setting(integer(1)))
    log_invalid_auth_data: bool = field(default=False, metadata=setting(boolean))
    max_message_size: int = field(default=1_048_576, metadata=setting(integer(1)))
    headers: tuple[str, ...] = field(default=(), metadata=setting(each(header)))

    MOVED: ClassVar[Mapping[str, str]] = _SERVER
    IGNORED: ClassVar[Mapping[str, str]] = {"externalUrl": "clients are never redirected to another server"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonEndpoint(WebSocketEndpoint):
    """``ws-json``, for clients that send the binary endpoint's messages as readable JSON."""

    url_path: str = field(default="/deepstream-json", metadata=setting(url_path))


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEndpoint(WebSocketEndpoint):
    """``ws-text``, for clients of versions 1 to 3.

    ``legacy_detection``: seconds that a client on the binary path may stay silent before it is taken for one
    of these, which let the server speak first; ``None`` is never.
    """

    url_path: str = field(default="/deepstream-v3", metadata=setting(url_path))
    legacy_detection: float | None = field(default=0.5, metadata=setting(or_false(milliseconds(1))))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpApiConfig(Section):
    """The HTTP API (PROTOCOL.md section 10). ``request_timeout`` in seconds."""

    allow_auth_data: bool = field(default=True, metadata=setting(boolean))
    enable_auth_endpoint: bool = field(default=True, metadata=setting(boolean))
    auth_path: str = field(default="/api/auth", metadata=setting(url_path))
    post_path: str = field(default="/api", metadata=setting(url_path))
    get_path: str = field(default="/api", metadata=setting(url_path))
    log_invalid_auth_data: bool = field(default=False, metadata=setting(boolean))
    request_timeout: float = field(default=20.0, metadata=setting(milliseconds(1)))

    MOVED: ClassVar[Mapping[str, str]] = _SERVER


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfig(Section):
    """The MQTT listener's options, read and checked; nothing listens yet. ``idle_timeout`` in seconds."""

    host: str = field(default="0.0.0.0", metadata=setting(text))
    port: int = field(default=1883, metadata=setting(_PORT))
    idle_timeout: float = field(default=180.0, metadata=setting(milliseconds(1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints(Section):
    """What clients can connect to; ``None`` is off. Without ``connectionEndpoints`` all but MQTT are on."""

    binary: WebSocketEndpoint | None = field(default_factory=WebSocketEndpoint)
    json: JsonEndpoint | None = field(default_factory=JsonEndpoint)
    text: TextEndpoint | None = field(default_factory=TextEndpoint)
    http_api: HttpApiConfig | None = field(default_factory=HttpApiConfig)
    mqtt: MqttConfig | None = None

    TYPES: ClassVar[tuple[str, ...]] = ("ws-binary", "ws-json", "ws-text", "http", "mqtt")

    def contradiction(self) -> str | None:
        paths = [one.url_path for one in (self.binary, self.json, self.text) if one]
        twice = {path for path in paths if paths.count(path) > 1}
        return f"two WebSocket endpoints have the urlPath {twice.pop()}" if twice else None


OPTIONS: Mapping[str, tuple[str, type[Section]]] = {
    "ws-binary": ("binary", WebSocketEndpoint),
    "ws-json": ("json", JsonEndpoint),
    "ws-text": ("text", TextEndpoint),
    "http": ("http_api", HttpApiConfig),
    "mqtt": ("mqtt", MqttConfig),
}
"""Of each type of endpoint: its attribute in ``Endpoints``, and what its options are."""


def endpoints(value: Any, place: Place) -> Endpoints:
    """``connectionEndpoints``: a list of ``{type, options}``, or a section with each type as a key."""
    on: dict[str, Any] = dict.fromkeys(name for name, _ in OPTIONS.values())
    for item, at in _listed(value, place):
        if (made := at.read(_endpoint, item)) is not MISSING:
            name, options = made
            if on[name]:
                at.problem("there is one endpoint of this type already")
            on[name] = options
    made = Endpoints(**on)
    if wrong := made.contradiction():
        place.problem(wrong)
    return made


def _listed(value: Any, place: Place) -> list[tuple[Any, Place]]:
    if isinstance(value, list):
        return [(item, place.at(index)) for index, item in enumerate(value) if item is not None]
    if isinstance(value, Mapping):
        return [(_typed(key, item), place.at(key)) for key, item in value.items() if item is not None]
    raise ValueError(f"must be a list of endpoints with type and options, not {shown(value)}")


def _typed(key: str, item: Any) -> Any:
    return {**item, "type": key} if isinstance(item, Mapping) else item


def _endpoint(value: Any, place: Place) -> Any:
    return read_choice(value, place, Endpoints, _endpoint_options)


def _endpoint_options(chosen: str, options: Any, place: Place) -> Any:
    name, kind = OPTIONS[chosen]
    if chosen == "mqtt":
        place.warn("there is no MQTT listener in this version; every other endpoint works")
    made: Any = read_section(kind, options, place)
    return made if made is MISSING else (name, made)
