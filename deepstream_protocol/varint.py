"""Protobuf's variable-length integers: seven bits a byte, the low ones first."""

from __future__ import annotations

from typing import Final

from .errors import ProtocolError

_LONGEST: Final = 10
"""Bytes of the longest varint that protobuf allows: 64 bits."""


def _pack(value: int) -> bytes:
    packed = bytearray()
    while value > 127:
        packed.append(value & 127 | 128)
        value >>= 7
    packed.append(value)
    return bytes(packed)


VARINTS: Final = tuple(_pack(value) for value in range(2048))
"""The short ones, ready to use: every tag, most actions and lengths."""


def write_size(value: int) -> bytes:
    """A length, which is never negative, as a varint."""
    return VARINTS[value] if value < 2048 else _pack(value)


def write_int(value: int) -> bytes:
    """An int32 as a varint; a negative one is extended to 64 bits and takes ten bytes."""
    if 0 <= value < 2048:
        return VARINTS[value]
    if not -0x80000000 <= value <= 0x7FFFFFFF:
        raise ProtocolError(f"{value} does not fit into 32 bits")
    return _pack(value & 0xFFFFFFFFFFFFFFFF)


def read_varint(payload: bytes, at: int) -> tuple[int, int]:
    """The unsigned 64-bit number that starts at ``at``, and where it ends.

    Raises IndexError when the payload ends first, ProtocolError when it has more than 64 bits.
    """
    low = payload[at]
    if low < 128:
        return low, at + 1
    high = payload[at + 1]
    if high < 128:
        return low & 127 | high << 7, at + 2
    value = 0
    for shift in range(0, 7 * _LONGEST, 7):
        byte = payload[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128 and value >> 64 == 0:
            return value, at
    raise ProtocolError("a number of more than 64 bits")


def to_int(value: int) -> int:
    """The int32 in an unsigned 64-bit number: its low 32 bits, as every protobuf reader takes it."""
    value &= 0xFFFFFFFF
    return value - 0x100000000 if value & 0x80000000 else value
