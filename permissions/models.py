"""Rule sets as rows: drafts, the one that is active, and all that were active before."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class RuleSetVersion(models.Model):
    """One version of the rules, as somebody wrote it; its text never changes.

    ``permissions.rule_sets`` has the functions that make versions and move them between states. What is in
    force is read from ``source``; ``document`` is what it parsed to, and null if it has ``problems``.
    """

    class State(models.TextChoices):
        """A version begins as a draft or active, and what was active becomes past."""

        DRAFT = "draft"
        ACTIVE = "active"
        PAST = "past"

    number = models.BigAutoField(primary_key=True)
    state = models.CharField(max_length=6, choices=State, default=State.DRAFT)
    source = models.TextField(help_text="the rules as they were written, YAML or JSON")
    content_hash = models.CharField(max_length=64, help_text="SHA-256 of the source, in hex")
    document = models.JSONField(null=True, blank=True, help_text="the rules, parsed")
    problems = models.JSONField(default=list, blank=True, help_text="what was wrong when it was written")
    author = models.CharField(max_length=255, help_text="a Django user, or the file that it was read from")
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    activated_by = models.CharField(max_length=255, blank=True)
    activated_at = models.DateTimeField(null=True, blank=True)
    activation_comment = models.TextField(blank=True)
    came_from = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="returns",
        help_text="the past version that this one brought back",
    )

    class Meta:
        db_table = "permissions_rule_set"
        verbose_name = "rule set"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state__in=("draft", "active", "past")), name="permissions_rule_set_state"
            ),
            models.UniqueConstraint(
                fields=["state"],
                condition=models.Q(state="active"),
                name="permissions_one_active_rule_set",
            ),
        )

    def __str__(self) -> str:
        return f"version {self.number} ({self.state})"
