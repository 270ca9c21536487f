"""How rule sets look in the REST API."""

from __future__ import annotations

from rest_framework import serializers

from permissions.models import RuleSetVersion
from rest.fields import Text


class RuleProblem(serializers.Serializer):
    """What is wrong with rules, and where."""

    text = serializers.CharField(help_text="What is wrong.")
    section = serializers.CharField(allow_null=True, help_text="record, event, rpc or presence.")
    path = serializers.CharField(allow_null=True, help_text="The path whose rule it is.")
    rule_type = serializers.CharField(allow_null=True, help_text="read, write, …")
    line = serializers.IntegerField(allow_null=True, help_text="The line within the rule.")
    column = serializers.IntegerField(allow_null=True, help_text="The column within the rule.")
    source_line = serializers.IntegerField(allow_null=True, help_text="The line of the text.")


class RuleSetRow(serializers.ModelSerializer):
    """A version in a list."""

    class Meta:
        model = RuleSetVersion
        fields: tuple[str, ...] = (
            "number",
            "state",
            "author",
            "comment",
            "created_at",
            "activated_by",
            "activated_at",
            "activation_comment",
            "came_from",
            "content_hash",
        )
        read_only_fields: tuple[str, ...] = fields


class RuleSet(RuleSetRow):
    """A version with its rules."""

    problems = serializers.ListField(
        child=RuleProblem(), read_only=True, help_text="What was wrong with it when it was written."
    )

    class Meta(RuleSetRow.Meta):
        fields = (*RuleSetRow.Meta.fields, "source", "problems")
        read_only_fields = fields


class Draft(serializers.Serializer):
    """Rules to keep."""

    source = Text(help_text="The rules, YAML or JSON.", allow_blank=True)  # type: ignore[assignment]
    comment = Text(required=False, default="", allow_blank=True, help_text="For those who read it later.")


class Comment(serializers.Serializer):
    """Why."""

    comment = Text(required=False, default="", allow_blank=True, help_text="For those who read it later.")
