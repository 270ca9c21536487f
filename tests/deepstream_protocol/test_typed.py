"""Typed values of the text wire format, both ways (PROTOCOL.md section 9)."""

from __future__ import annotations

from contextlib import suppress

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepstream_protocol.errors import ProtocolError
from deepstream_protocol.typed import SEPARATORS, read_typed, write_typed
from tests.deepstream_protocol.test_json import JSON_VALUE


@pytest.mark.parametrize(
    ("typed", "data"),
    [
        ("S", '""'),
        ("Stext", '"text"'),
        ("SObig", '"Obig"'),
        ('S"\\', '"\\"\\\\"'),
        ("Sü\n", '"ü\\n"'),
        ("N0", "0"),
        ("N-1.5", "-1.5"),
        ("N1e+21", "1e+21"),
        ("N12345678901234567890", "12345678901234567890"),
        ('O{"a":[1,null]}', '{"a":[1,null]}'),
        ("O[]", "[]"),
        ("T", "true"),
        ("F", "false"),
        ("L", "null"),
        ("U", None),
    ],
)
def test_a_typed_value_is_this_json_and_back(typed: str, data: str | None) -> None:
    assert read_typed(typed) == data
    assert write_typed(data) == typed


def test_null_and_undefined_are_kept_apart() -> None:
    assert (read_typed("L"), read_typed("U")) == ("null", None)
    assert (write_typed("null"), write_typed(None)) == ("L", "U")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_null_as_in_javascript(number: str) -> None:
    assert read_typed(f"N{number}") == "null"


@pytest.mark.parametrize(
    "typed", ["", "x", "s", "Tt", "L ", "N", "N 1", "N01", "N+1", "N.5", "N1.", "N١", "Nx"]
)
def test_what_is_no_typed_value_is_refused(typed: str) -> None:
    with pytest.raises(ProtocolError):
        read_typed(typed)


def test_json_with_space_around_it_is_written_without() -> None:
    assert [write_typed(text) for text in (" 1 ", "\ntrue", ' {"a": 1} ')] == ["N1", "T", 'O{"a": 1}']


@settings(deadline=None)
@given(value=JSON_VALUE)
def test_every_value_survives_and_never_has_a_separator_in_it(value: object) -> None:
    data = orjson.dumps(value).decode()
    typed = write_typed(data)
    assert SEPARATORS.search(typed) is None
    back = read_typed(typed)
    assert back is not None
    assert orjson.loads(back) == value


@pytest.mark.parametrize("text", ["\x1e", "a\x1fb", "\x1eE\x1fEVT\x1fx\x1fT\x1e"])
def test_a_text_with_separators_goes_as_json_which_escapes_them(text: str) -> None:
    typed = write_typed(orjson.dumps(text).decode())
    assert typed.startswith('O"')
    assert SEPARATORS.search(typed) is None
    assert orjson.loads(typed[1:]) == text


@settings(deadline=None)
@given(text=st.text(max_size=30) | st.text("SNOTFLU{}[]\"'0123456789.eE+-", max_size=12))
def test_random_text_raises_nothing_but_a_protocol_error(text: str) -> None:
    with suppress(ProtocolError):
        read_typed(text)
    with suppress(ProtocolError):
        write_typed(text)
