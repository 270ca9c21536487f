"""Versions of the rules: one shown, two compared, one put in force."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.journal import ADDITION
from permissions.comparison import changed_lines, changed_rules
from permissions.document import InvalidRules
from permissions.models import RuleSetVersion
from permissions.rule_sets import (
    RulesRefused,
    activate,
    active,
    create_draft,
    refuse_if_configured,
    roll_back,
    validate,
)
from permissions.rule_text import problems_of
from permissions.views.forms import ActivationForm, DraftForm, versions
from permissions.views.nodes import ask_everywhere, in_force
from permissions.views.page import MODEL, RulesPage, coloured, version_or_404

State = RuleSetVersion.State


def difference(before: RuleSetVersion | None, after: RuleSetVersion) -> dict[str, Any]:
    """The context of ``_difference.html``."""
    old = before.source if before else ""
    return {
        "before": before,
        "after": after,
        "rules": changed_rules(before.document if before else None, after.document),
        "lines": changed_lines(old, after.source),
    }


class Show(RulesPage):
    """One version: its text in colours, its problems at their lines, and what can be done with it."""

    template_name = "admin/permissions/show.html"

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        """The page."""
        version = version_or_404(number)
        problems = validate(version)
        self.title = f"Rule set {version.number}"
        others = [choice for choice in versions() if choice[0] != str(version.number)]
        context = self.get_context_data(
            version=version,
            source=coloured(version.source, problems),
            others=others,
            refusal=configured_refusal(),
            nodes=None,
        )
        if version.state == State.ACTIVE:
            answers = ask_everywhere("rules.status")
            context |= {"answers": answers, "nodes": in_force(answers, version)}
        return self.render_to_response(context)


class Compare(RulesPage):
    """What one version has otherwise than another, given as ``?with=``; else than the active one."""

    template_name = "admin/permissions/compare.html"

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        """The page."""
        after = version_or_404(number)
        other = request.GET.get("with")
        before = version_or_404(other) if other else active()
        self.title = f"Rule set {after.number} compared with {before.number if before else 'nothing'}"
        return self.render_to_response(self.get_context_data(difference=difference(before, after)))


class Draft(RulesPage):
    """The editor. What is saved is always a new version, because the text of a version never changes."""

    title = "Write rules"
    template_name = "admin/permissions/draft.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The editor with the text of version ``?from=``, else of the active one."""
        number = request.GET.get("from")
        origin = version_or_404(number) if number else active()
        source = origin.source if origin else ""
        form = DraftForm(initial={"source": source})
        return self._editor(form, source, origin=origin)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep the text as a draft; with the button ``check`` only say what is wrong with it."""
        form = DraftForm(request.POST)
        if not form.is_valid():
            return self._editor(form, request.POST.get("source", "")[:1_000_000])
        source = form.cleaned_data["source"]
        if "check" in request.POST:
            return self._editor(form, source)
        try:
            draft = create_draft(source, str(request.user), form.cleaned_data["comment"])
        except RulesRefused as refused:
            form.add_error("source", str(refused))
            return self._editor(form, source)
        self.write_down(f"Drafted. {draft.comment}".strip(), draft, flag=ADDITION)
        found = f" It has {len(draft.problems)} problems, see below." if draft.problems else ""
        return self.go(f"{MODEL}_change", draft.pk, success=f"Version {draft.number} is a draft.{found}")

    def _editor(self, form: DraftForm, source: str, *, origin: RuleSetVersion | None = None) -> HttpResponse:
        context = self.get_context_data(form=form, origin=origin, source=_checked(source))
        return self.render_to_response(context, status=422 if form.errors else 200)


def check(request: HttpRequest) -> HttpResponse:
    """The text that is being written, in colours and with its problems, for the editor's script."""
    form = DraftForm(request.POST)
    source = form.cleaned_data["source"] if form.is_valid() else ""
    return render(request, "admin/permissions/_source.html", _checked(source))


def _checked(source: str) -> dict[str, Any]:
    return coloured(source, problems_of(source) if source.strip() else [])


class Activate(RulesPage):
    """The question before a version is put in force: what will change, and why."""

    template_name = "admin/permissions/activate.html"

    def get(self, request: HttpRequest, number: str) -> HttpResponse:
        """The question."""
        present = active()
        form = ActivationForm(initial={"seen": present.number if present else None})
        return self._question(version_or_404(number), form, present)

    def post(self, request: HttpRequest, number: str) -> HttpResponse:
        """Put a draft in force, or a past version again."""
        version, present = version_or_404(number), active()
        form = ActivationForm(request.POST)
        if not form.is_valid():
            return self._question(version, form, present)
        if form.cleaned_data["seen"] != (present.number if present else None):
            form.add_error(None, _overtaken(present))
            return self._question(version, ActivationForm(_anew(form, present)), present, form)
        put = roll_back if version.state == State.PAST else activate
        try:
            now = put(version, str(request.user), form.cleaned_data["comment"])
        except InvalidRules:
            form.add_error(None, "The rules have errors, so they do not come into force.")
        except RulesRefused as refused:
            form.add_error(None, str(refused))
        else:
            way = f"Activated, as version {version.number} again." if now.pk != version.pk else "Activated."
            self.write_down(f"{way} {now.activation_comment}".strip(), now)
            return self.go(f"{MODEL}_change", now.pk, success=f"Version {now.number} is active.")
        return self._question(version, form, present)

    def _question(
        self,
        version: RuleSetVersion,
        form: ActivationForm,
        present: RuleSetVersion | None,
        errors_of: ActivationForm | None = None,
    ) -> HttpResponse:
        self.title = (
            f"{'Roll back to' if version.state == State.PAST else 'Activate'} rule set {version.number}"
        )
        errors = (errors_of or form).non_field_errors()
        context = self.get_context_data(
            version=version,
            form=form,
            errors=errors,
            refusal=configured_refusal(),
            problems=validate(version),
            difference=difference(present, version),
        )
        return self.render_to_response(context, status=422 if errors else 200)


def configured_refusal() -> str:
    """Why nothing can be activated while a file is configured; empty if something can."""
    try:
        refuse_if_configured()
    except RulesRefused as refused:
        return str(refused)
    return ""


def _anew(form: ActivationForm, present: RuleSetVersion | None) -> dict[str, Any]:
    return {"comment": form.cleaned_data["comment"], "seen": present.number if present else ""}


def _overtaken(present: RuleSetVersion | None) -> str:
    if present is None:
        return "No version is active any more. Look at the difference again."
    return (
        f"Version {present.number} was activated by {present.activated_by} since this page was shown."
        " Look at the difference again."
    )
