"""What Django's own fields and indexes do not do for records."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class RecordDataField(models.JSONField):
    """JSON kept as the text that was written, so that every node shows a record in the same bytes.

    On PostgreSQL the type is ``json``: ``jsonb`` would order keys and write numbers in its own way, and
    refuse the character U+0000.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """See Django."""
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """See Django; psycopg has parsed the type ``json`` already."""
        return super().from_db_value(value, expression, connection) if isinstance(value, str) else value


class HistoryIndex(models.Index):
    """The index over the versions of each record: whole names and ids, or what MariaDB's index can hold."""

    def create_sql(
        self, model: type[models.Model], schema_editor: Any, using: str = "", **kwargs: Any
    ) -> Any:
        """See Django; an index has at most 3072 bytes there, a name up to 4096."""
        if schema_editor.connection.vendor != "mysql":
            return super().create_sql(model, schema_editor, using=using, **kwargs)
        table, quote = model._meta.db_table, schema_editor.quote_name
        return f"CREATE INDEX {quote(self.name)} ON {quote(table)} (name(512), id)"
