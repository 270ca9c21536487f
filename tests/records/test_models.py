"""Tests of the table of records: what the database itself promises to whoever writes rows."""

from __future__ import annotations

from random import Random

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from records.models import Record, validate_name
from records.names import MAX_NAME_BYTES, MAX_NAME_LENGTH

pytestmark = pytest.mark.django_db


def test_a_row_written_by_plain_sql_is_whole() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO records_record (name, data) VALUES (%s, %s)", ["sql", '{"a": [1, null]}'])
    record = Record.objects.get(name="sql")
    assert (record.version, record.data) == (0, {"a": [1, None]})
    assert abs((timezone.now() - record.created_at).total_seconds()) < 60
    assert abs((timezone.now() - record.updated_at).total_seconds()) < 60


def test_a_name_is_taken_once() -> None:
    Record.objects.create(name="one")
    with pytest.raises(IntegrityError), transaction.atomic():
        Record.objects.create(name="one")


def test_names_differ_by_case_and_by_blanks() -> None:
    for name in ("name", "Name", " name", "name "):
        Record.objects.create(name=name)
    assert Record.objects.get(name="Name").name == "Name"


def test_a_version_below_zero_is_refused_by_the_database() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Record.objects.create(name="negative", version=-1)


def test_saving_moves_the_time_of_the_last_change_alone() -> None:
    record = Record.objects.create(name="timed")
    record.refresh_from_db()
    created, updated = record.created_at, record.updated_at
    record.data = {"changed": True}
    record.save()
    record.refresh_from_db()
    assert record.created_at == created
    assert record.updated_at > updated


# As many bytes as there may be, in an order that no index can compress.
LONGEST = "".join(map(chr, Random(1).sample(range(0x10000, 0x10FFFF), MAX_NAME_BYTES // 4)))


@pytest.mark.parametrize(
    "name", ["a", " ", "driver/14", "Ünïcødé/日本/🚗", "%_\\'\"", "x" * MAX_NAME_LENGTH, LONGEST]
)
def test_any_text_can_be_a_name(name: str) -> None:
    validate_name(name)
    Record.objects.create(name=name)
    assert str(Record.objects.get(name=name)) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "not empty"),
        ("a\0b", "NUL"),
        ("\ud800", "surrogates"),
        ("x" * (MAX_NAME_LENGTH + 1), "at most"),
        ("🚗" * (MAX_NAME_BYTES // 4 + 1), "at most"),
    ],
)
def test_a_name_that_some_database_cannot_keep_is_refused(name: str, reason: str) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_name(name)
    assert reason in refused.value.messages[0]


@pytest.mark.parametrize("data", [{}, [], {"a": 1}, [1, {"b": None}]])
def test_an_object_or_an_array_is_valid(data: object) -> None:
    Record(name="valid", data=data).full_clean()


@pytest.mark.parametrize("data", ["", "text", 1, True, None])
def test_anything_else_is_no_record(data: object) -> None:
    with pytest.raises(ValidationError):
        Record(name="invalid", data=data).full_clean()
