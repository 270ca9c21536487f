"""Records as rows: the durable truth behind every record that is not held in memory alone."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from records.fields import HistoryIndex, RecordDataField
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
    data = RecordDataField(default=dict, validators=[validate_data], blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())

    class Meta:
        db_table = "records_record"
        # No ordering: nobody pays for a sort that was not asked for.

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        validate_data(self.data)  # Django skips a field's validators for empty values, and "" is one


class RecordVersion(models.Model):
    """What one write made of a record: a line of its history, which ``records.history`` writes.

    ``action`` is a ``RecordAction``, or -1 for a state that was found when the history began; ``path`` and
    ``data`` (JSON text) are what was sent. ``state`` is the whole record after it as JSON text, "null" if it
    was deleted; NULL where it is to be made from the entry before.
    """

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    version = models.IntegerField()
    at = models.DateTimeField(default=timezone.now)
    author = models.TextField(blank=True)
    node = models.TextField(blank=True)
    action = models.SmallIntegerField()
    path = models.TextField(null=True, blank=True)  # noqa: DJ001 - no path is not an empty path
    data = models.TextField(null=True, blank=True)  # noqa: DJ001 - no data is not an empty text
    state = models.TextField(null=True, blank=True)  # noqa: DJ001 - as with data

    class Meta:
        db_table = "records_history"
        default_permissions = ()  # whoever may view a record may view its history
        indexes = (HistoryIndex(fields=["name", "id"], name="records_history_of_name"),)

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"
