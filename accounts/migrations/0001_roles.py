"""The permissions about the live server, and the groups viewer, operator, rule editor and administrator."""

from django.db import migrations, models

from accounts.roles import make_groups


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("authtoken", "0004_alter_tokenproxy_options"),
        ("records", "0001_initial"),
        ("permissions", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="LiveServer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
            options={
                "verbose_name": "live server",
                "permissions": (
                    ("view_live", "Can look at nodes, clients and what is live"),
                    ("disconnect_clients", "Can disconnect clients"),
                    ("emit_events", "Can emit events"),
                    ("make_calls", "Can call remote procedures"),
                    ("edit_rules", "Can edit drafts of rule sets"),
                    ("activate_rules", "Can activate and roll back rule sets"),
                ),
                "managed": False,
                "default_permissions": (),
            },
        ),
        migrations.RunPython(lambda apps, _: make_groups(apps), migrations.RunPython.noop),
    ]
