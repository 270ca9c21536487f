"""What the rules' pages have in common."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.journal import CHANGE, write_down
from accounts.roles import ACTIVATE_RULES, EDIT_RULES
from monitoring.views.page import OperatorsPage
from permissions.document import Problem
from permissions.highlight import lines_of
from permissions.models import RuleSetVersion

MODEL = "permissions_rulesetversion"


class RulesPage(OperatorsPage):
    """A page about rules, which knows what the user may do with them."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With ``may_edit`` and ``may_activate``."""
        user = self.request.user
        return super().get_context_data(
            may_edit=user.has_perm(EDIT_RULES),
            may_activate=user.has_perm(ACTIVATE_RULES),
            **kwargs,
        )

    def write_down(self, text: str, version: RuleSetVersion | None = None, *, flag: int = CHANGE) -> None:
        """Enter into the admin's log what the user did."""
        if version is None:
            write_down(self.request.user, flag, "decisions of the rules", text)
        else:
            name = f"rule set {version.number}"
            write_down(self.request.user, flag, name, text, model=RuleSetVersion, key=version.pk)

    def go(self, page: str, *arguments: Any, success: str = "", failure: str = "") -> HttpResponse:
        """On to another page of the site, with a message there."""
        if success:
            messages.success(self.request, success)
        if failure:
            messages.error(self.request, failure)
        return HttpResponseRedirect(reverse(f"admin:{page}", args=arguments))


def version_or_404(number: Any) -> RuleSetVersion:
    """The version with this number; raises ``Http404``."""
    text = str(number)
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Http404("There is no such rule set.")
    try:
        return RuleSetVersion.objects.get(pk=int(text))
    except RuleSetVersion.DoesNotExist:
        raise Http404(f"There is no rule set {text}.") from None


def coloured(source: str, problems: list[Problem]) -> dict[str, Any]:
    """The context of ``_source.html``."""
    return {"lines": lines_of(source, problems), "problems": problems}
