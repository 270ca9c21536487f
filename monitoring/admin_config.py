"""Django's admin as this project runs it: on the operators' site."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class OperatorsAdminConfig(AdminConfig):
    """Stands in ``INSTALLED_APPS`` for ``django.contrib.admin``."""

    default = True
    default_site = "monitoring.site.OperatorsSite"
