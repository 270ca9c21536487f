"""A record's data is kept as the text that was written (see ``records.fields``)."""

from django.db import migrations

import records.fields
import records.models


class Migration(migrations.Migration):
    """On PostgreSQL ``jsonb`` becomes ``json``; elsewhere nothing changes."""

    dependencies = [("records", "0002_history")]

    operations = [
        migrations.AlterField(
            model_name="record",
            name="data",
            field=records.fields.RecordDataField(
                blank=True, default=dict, validators=[records.models.validate_data]
            ),
        ),
    ]
