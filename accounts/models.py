"""What Django's permissions about the live server hang on."""

from __future__ import annotations

from django.db import models

from accounts.roles import CUSTOM


class LiveServer(models.Model):
    """The running server as a thing that one may be permitted to look at and to act on; it has no table."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = tuple(CUSTOM.items())
        verbose_name = "live server"

    def __str__(self) -> str:
        return "live server"
