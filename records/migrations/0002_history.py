"""The history of records; and on PostgreSQL and MariaDB, names in the order of their characters.

Prefixes are ranges of names then, as they are in SQLite anyway, whatever language the database speaks.
"""

import django.utils.timezone
from django.db import migrations, models

from records.fields import HistoryIndex


def order_names_by_characters(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in ("records_record", "records_history"):
            schema_editor.execute(f'ALTER TABLE {table} ALTER COLUMN name TYPE varchar(1024) COLLATE "C"')
    if schema_editor.connection.vendor == "mysql":  # where "a" and "A" would be one name
        for table in ("records_record", "records_history"):
            schema_editor.execute(
                f"ALTER TABLE {table} MODIFY name varchar(1024) COLLATE utf8mb4_bin NOT NULL"
            )


class Migration(migrations.Migration):
    dependencies = [("records", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="RecordVersion",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=1024)),
                ("version", models.IntegerField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("author", models.TextField(blank=True)),
                ("node", models.TextField(blank=True)),
                ("action", models.SmallIntegerField()),
                ("path", models.TextField(blank=True, null=True)),
                ("data", models.TextField(blank=True, null=True)),
                ("state", models.TextField(blank=True, null=True)),
            ],
            options={
                "db_table": "records_history",
                "default_permissions": (),
                "indexes": [HistoryIndex(fields=["name", "id"], name="records_history_of_name")],
            },
        ),
        migrations.RunPython(order_names_by_characters, migrations.RunPython.noop, atomic=False),
    ]
