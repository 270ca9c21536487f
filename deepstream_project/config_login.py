"""The ``auth`` section: the login strategies in the order in which they are asked (CONFIG.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from deepstream_project.config_file import LoadedFile
from deepstream_project.config_place import MISSING, Place
from deepstream_project.config_section import Section, read_choice, read_section, section, setting
from deepstream_project.config_values import (
    boolean,
    document,
    each,
    hash_name,
    integer,
    milliseconds,
    one_or_each,
    or_false,
    secret,
    shown,
    text,
    url,
)

_STATUS = integer(100, 599)
ALGORITHMS = (
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES256K", "ES384", "ES512", "EdDSA"),
)


def users(value: Any, place: Place) -> LoadedFile:
    """The content of ``users.yml``: ``name: {password, serverData, clientData}``."""
    loaded = document(value, place)
    for name, user in loaded.content.items():
        if not isinstance(user, Mapping) or not isinstance(user.get("password"), str):
            place.problem(f"user {name}: needs a password, which is text")
    return loaded


def algorithm(value: Any, place: Place) -> str:
    """The name of a signature (RFC 7518 section 3.1, RFC 8037); not ``none``, which proves nothing."""
    if value in ALGORITHMS:
        return str(value)
    raise ValueError(f"must be one of {', '.join(ALGORITHMS)}, not {shown(value)}")


def signing_key(value: Any, place: Place) -> str:
    """A secret or a PEM public key; never a path, which would pass for a secret that everyone can guess."""
    key = secret(value, place)
    if "-----BEGIN" not in key and (place.folder / key).is_file():
        raise ValueError("is the path of a file; write fileLoad(PATH) for what is in it")
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class NoneOptions(Section):
    """Everyone is let in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashOptions(Section):
    """How passwords are hashed: PBKDF2's digest, or ``None`` for clear text; rounds; bytes of the key."""

    hash: str | None = field(default="md5", metadata=setting(or_false(hash_name)))
    iterations: int = field(default=100, metadata=setting(integer(1)))
    key_length: int = field(default=32, metadata=setting(integer(1, 1024)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions(HashOptions):
    """Users of a file: ``users.content`` is its mapping, ``users.path`` where to read it again."""

    users: LoadedFile = field(repr=False, metadata=setting(users, also="path"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageOptions(HashOptions):
    """Users kept as records ``table/username``; ``create_user``: a first login makes one."""

    table: str = field(metadata=setting(text))
    table_split_char: str = field(default="/", metadata=setting(text))
    create_user: bool = field(default=False, metadata=setting(boolean))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions(Section):
    """A web hook that decides; ``request_timeout`` and ``retry_interval`` in seconds."""

    endpoint_url: str = field(repr=False, metadata=setting(url("http", "https")))
    permitted_status_codes: tuple[int, ...] = field(default=(200,), metadata=setting(each(_STATUS)))
    request_timeout: float = field(default=2.0, metadata=setting(milliseconds(1)))
    promote_to_header: tuple[str, ...] = field(default=(), metadata=setting(each(text)))
    retry_status_codes: tuple[int, ...] = field(default=(404, 504), metadata=setting(each(_STATUS)))
    retry_attempts: int = field(default=3, metadata=setting(integer(0, 100)))
    retry_interval: float = field(default=5.0, metadata=setting(milliseconds()))


@dataclass(frozen=True, slots=True, kw_only=True)
class DjangoOptions(Section):
    """Django's users and sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtClaims(Section):
    """Which claim of a token is the user's id, serverData and clientData; ``None`` is none."""

    id: str = field(default="sub", metadata=setting(text))
    server_data: str | None = field(default=None, metadata=setting(text))
    client_data: str | None = field(default=None, metadata=setting(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtOptions(Section):
    """Signed tokens. One of ``key`` (a secret or a PEM public key) and ``jwks_url`` is set.

    ``algorithms`` is what a token may be signed with: left out, HS256 with a secret, RS256 with a public key.
    """

    key: str | None = field(default=None, repr=False, metadata=setting(signing_key))
    jwks_url: str | None = field(default=None, repr=False, metadata=setting(url("http", "https")))
    algorithms: tuple[str, ...] = field(default=(), metadata=setting(one_or_each(algorithm)))
    audience: tuple[str, ...] = field(default=(), metadata=setting(one_or_each(text)))
    issuer: str | None = field(default=None, metadata=setting(text))
    claims: JwtClaims = field(default_factory=JwtClaims, metadata=setting(section(JwtClaims)))

    def __post_init__(self) -> None:
        if not self.algorithms:
            public = self.key is None or "-----BEGIN" in self.key
            object.__setattr__(self, "algorithms", ("RS256",) if public else ("HS256",))

    def contradiction(self) -> str | None:
        if (self.key is None) == (self.jwks_url is None):
            return "needs either key or jwksUrl"
        if self.jwks_url and any(name.startswith("HS") for name in self.algorithms):
            return "keys from jwksUrl are public: HS256, HS384 and HS512 need a secret key"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginThrottle(Section):
    """Slowing down who guesses passwords; ours. ``interval`` and ``delay`` in seconds.

    After ``attempts`` wrong logins within ``interval`` an address waits ``delay`` before it may try the same
    user again, twice that the next time, and so on up to ten times.
    """

    attempts: int = field(default=5, metadata=setting(integer(1, 1000)))
    interval: float = field(default=60.0, metadata=setting(milliseconds(1)))
    delay: float = field(default=1.0, metadata=setting(milliseconds()))


Options = NoneOptions | FileOptions | StorageOptions | HttpOptions | DjangoOptions | JwtOptions


@dataclass(frozen=True, slots=True)
class AuthStrategy(Section):
    """One login strategy; ``options`` is of the class that belongs to its ``type``."""

    type: str
    options: Options

    TYPES: ClassVar[tuple[str, ...]] = ("none", "file", "storage", "http", "django", "jwt")


OPTIONS: Mapping[str, type[Section]] = {
    "none": NoneOptions,
    "file": FileOptions,
    "storage": StorageOptions,
    "http": HttpOptions,
    "django": DjangoOptions,
    "jwt": JwtOptions,
}
"""What the options of each type of strategy are."""


def strategies(value: Any, place: Place) -> tuple[AuthStrategy, ...]:
    """``auth``: a list of ``{type, options}``, or one without the list."""
    if value == []:
        raise ValueError("an empty list lets nobody log in; leave auth out to let everyone in")
    return tuple(one_or_each(_strategy)(value, place))


def _strategy(value: Any, place: Place) -> Any:
    return read_choice(value, place, AuthStrategy, _strategy_options)


def _strategy_options(chosen: str, options: Any, place: Place) -> Any:
    made: Any = read_section(OPTIONS[chosen], options, place)
    return MISSING if made is MISSING else AuthStrategy(chosen, made)
