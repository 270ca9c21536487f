"""Drafts tried on the decisions that the nodes recorded."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from accounts.roles import EDIT_RULES
from permissions.models import RuleSetVersion
from permissions.views.denials import row
from permissions.views.forms import RecordingForm, TrialForm
from permissions.views.nodes import Answers, ask_everywhere, time_of
from permissions.views.page import RulesPage, version_or_404

EXAMPLES = 100
"""Changed decisions on the page, of all nodes together."""

COUNTED = ("recorded", "asked", "changed", "unclear")


class Trial(RulesPage):
    """What is recorded, and what a version would change about it."""

    title = "Try a draft"
    lead = (
        "Would other rules have decided otherwise? Record what clients do for a while, then ask any version "
        "about it. Nothing comes into force here."
    )
    template_name = "admin/permissions/trial.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """What is recorded."""
        return self._page(TrialForm(initial={"version": request.GET.get("version", "")}))

    def post(self, request: HttpRequest) -> HttpResponse:
        """What the version would change; changes nothing itself."""
        form = TrialForm(request.POST)
        if not form.is_valid():
            return self._page(form)
        version = version_or_404(form.cleaned_data["version"])
        answers = ask_everywhere("rules.try", source=version.source)
        return self._page(form, tried=answers, report=_together(answers, version))

    def _page(self, form: TrialForm, **context: Any) -> HttpResponse:
        answers = ask_everywhere("rules.status")
        recordings = [_recording(node, status["recording"]) for node, status in answers]
        found = self.get_context_data(
            form=form,
            recording_form=RecordingForm(),
            answers=answers,
            recordings=recordings,
            is_on=any(one["on"] for one in recordings),
            has_any=any(one["kept"] for one in recordings),
            **context,
        )
        return self.render_to_response(found, status=422 if form.errors else 200)


class Recording(RulesPage):
    """The switch: records decisions on all nodes, stops, or forgets them."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do what the button says, and go back."""
        if not request.user.has_perm(EDIT_RULES):
            raise PermissionDenied
        if "stop" in request.POST:
            return self._done(ask_everywhere("rules.stop_recording"), "Recording of decisions stopped.")
        if "forget" in request.POST:
            return self._done(ask_everywhere("rules.forget"), "Recorded decisions forgotten.")
        form = RecordingForm(request.POST)
        if not form.is_valid():
            problems = "; ".join(
                f"{name}: {' '.join(map(str, found))}" for name, found in form.errors.items()
            )
            return self.go("rules_trial", failure=problems)
        limit, minutes = form.cleaned_data["limit"], form.cleaned_data["minutes"]
        answers = ask_everywhere("rules.record", limit=limit, seconds=minutes * 60)
        text = f"The latest {limit} decisions are recorded for {minutes} minutes."
        return self._done(answers, text)

    def _done(self, answers: Answers, text: str) -> HttpResponse:
        if answers.problem:
            return self.go("rules_trial", failure=answers.problem)
        self.write_down(text)
        failure = "; ".join(f"{node} did not do it: {why}" for node, why in answers.failed.items())
        return self.go("rules_trial", success=text if answers.values else "", failure=failure)


def _recording(node: str, recording: dict[str, Any] | None) -> dict[str, Any]:
    if recording is None:
        return {"node": node, "on": False, "kept": 0}
    times = {"since": time_of(recording["since"]), "until": time_of(recording["until"])}
    return recording | times | {"node": node, "left_out": recording["leftOut"]}


def _together(answers: Answers, version: RuleSetVersion) -> dict[str, Any]:
    """The reports of all nodes as one."""
    report = {name: sum(one[name] for _, one in answers) for name in COUNTED}
    kinds: Counter[str] = Counter()
    for _, one in answers:
        kinds.update(one["kinds"])
    examples = [row(example, node) for node, one in answers for example in one["examples"]]
    examples.sort(key=lambda one: one["time"], reverse=True)
    return {
        "version": version,
        "is_partial": report["asked"] < report["recorded"],
        "kinds": {kind: f"{number:,}" for kind, number in kinds.items()},
        "examples": examples[:EXAMPLES],
        **{name: f"{number:,}" for name, number in report.items()},
        "is_unclear": report["unclear"] > 0,
    }
