"""The client's opening handshake (RFC 6455 section 4.2.1): what it asks for, and the answer that accepts it.

Nearly every client sends the same plain request, in one piece, and to read that with two patterns takes a
tenth of the time of a whole HTTP parser. Whatever is not as plain as that is left to websockets.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha1
from typing import Final, NamedTuple

from websockets.http11 import Request

from deepstream_protocol.memo import Memo

AsgiHeaders = Iterable[tuple[bytes, bytes]]
_Headers = list[tuple[bytes, bytes]]
_Request = tuple[bytes, _Headers, _Headers, tuple[str, ...]]

LONGEST_PLAIN: Final = 4096
"""Bytes of a request that may be plain; browsers with many cookies send more."""

MOST_HEADERS: Final = 64

_PLAIN: Final = re.compile(rb"GET (/[!\"$-~]*) HTTP/1\.1\r\n((?:[\w!#$%&'*+.^`|~-]+:[\t -~]*\r\n)+)\r\n")
_HEADER: Final = re.compile(rb"([^:]+):([^\r]*)\r\n")
_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{22}==")
_KEY_HEADER: Final = b"\r\nSec-WebSocket-Key: "
_KEY_SIZE: Final = 24
_PERSONAL: Final = (b"?", b"cookie", b"auth", b"token", b"-protocol", b"\r\nx-")
"""In lower case what may tell who somebody is: a request that has such is read each time, and not kept."""
_BODY: Final = frozenset({b"content-length", b"transfer-encoding", b"expect"})
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Upgrade(NamedTuple):
    """A valid request for a WebSocket: target and key as they were sent, header names in lower case.

    ``subprotocols`` are those that the client offers, the best first.
    """

    target: bytes
    headers: list[tuple[bytes, bytes]]
    key: bytes
    subprotocols: tuple[str, ...]

    def acceptance(self, headers: AsgiHeaders, subprotocol: str | None) -> bytes:
        """The answer that opens the WebSocket."""
        accept = b64encode(sha1(self.key + _GUID, usedforsecurity=False).digest())
        lines = [
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n" % accept
        ]
        lines += [b"%b: %b\r\n" % header for header in headers]
        if subprotocol is not None:
            lines.append(b"Sec-WebSocket-Protocol: %b\r\n" % subprotocol.encode("ascii"))
        lines.append(b"\r\n")
        return b"".join(lines)


def plain_upgrade(data: bytes) -> Upgrade | None:
    """The request in ``data`` if that is one plain handshake and nothing else; None says nothing of it."""
    if len(data) > LONGEST_PLAIN or (at := data.find(_KEY_HEADER)) < 0:
        return None
    start = at + len(_KEY_HEADER)
    key = data[start : start + _KEY_SIZE]
    if _KEY.fullmatch(key) is None:
        return None
    rest = data[:start] + data[start + _KEY_SIZE :]
    is_personal = max(map(rest.lower().find, _PERSONAL)) >= 0  # ``in`` first takes each for an integer
    request = _read(rest) if is_personal else _REQUESTS[rest]
    if request is None:
        return None
    target, before, after, subprotocols = request
    return Upgrade(target, [*before, (b"sec-websocket-key", key), *after], key, subprotocols)


def _read(rest: bytes) -> _Request | None:
    """Target, headers before and behind that of the key, and subprotocols of a request without its key."""
    if (match := _PLAIN.fullmatch(rest)) is None:
        return None
    target, block = match.groups()
    headers = [(name.lower(), value.strip(b" \t")) for name, value in _HEADER.findall(block)]
    found = dict(headers)
    if (
        len(found) != len(headers)
        or len(found) > MOST_HEADERS
        or found.get(b"upgrade", b"").lower() != b"websocket"
        or b"upgrade" not in [part.strip() for part in found.get(b"connection", b"").lower().split(b",")]
        or found.get(b"sec-websocket-version") != b"13"
        or found.get(b"sec-websocket-key") != b""
        or b"host" not in found
        or not _BODY.isdisjoint(found)
    ):
        return None
    at = headers.index((b"sec-websocket-key", b""))
    return target, headers[:at], headers[at + 1 :], _subprotocols(headers)


_REQUESTS: Final = Memo(_read, 256)
"""Clients of an application send the same request but for its key."""


def upgrade_of(request: Request) -> Upgrade:
    """A request that websockets has found valid."""
    headers = [
        (name.lower().encode("ascii"), value.encode("latin-1")) for name, value in request.headers.raw_items()
    ]
    key = request.headers["Sec-WebSocket-Key"].encode()
    return Upgrade(request.path.encode("ascii"), headers, key, _subprotocols(headers))


def _subprotocols(headers: _Headers) -> tuple[str, ...]:
    offers = [value.decode("latin-1") for name, value in headers if name == b"sec-websocket-protocol"]
    return tuple(name for part in ",".join(offers).split(",") if (name := part.strip()))
