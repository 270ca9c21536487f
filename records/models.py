"""Records as rows: the durable truth behind every record that is not held in memory alone."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from records.names import MAX_NAME_LENGTH, name_problem


def validate_name(name: str) -> None:
    """Refuse a name that some database cannot keep. The columns do not enforce this by themselves."""
    if problem := name_problem(name):
        raise ValidationError(problem)


def validate_data(data: object) -> None:
    """Refuse what is no JSON object or array: PROTOCOL.md section 5."""
    if not isinstance(data, dict | list):
        raise ValidationError("A record is a JSON object or array.", code="not_a_container")


class Record(models.Model):
    """One record: a JSON object or array, and the version that its last accepted write made.

    The defaults of the columns are the database's own, so that rows written by plain SQL are whole.
    Writers do not save instances: they go through the store, which compares versions.
    """

    name = models.CharField(max_length=MAX_NAME_LENGTH, unique=True, validators=[validate_name])
    version = models.PositiveIntegerField(db_default=0)
    data = models.JSONField(default=dict, validators=[validate_data], blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())

    class Meta:
        db_table = "records_record"
        # No ordering: nobody pays for a sort that was not asked for.

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        validate_data(self.data)  # Django skips a field's validators for empty values, and "" is one
