"""The simulator: what would the rules say, and why."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from cluster import announce
from permissions.views.forms import SimulatorForm
from permissions.views.nodes import ask_everywhere
from permissions.views.page import RulesPage, version_or_404
from permissions.views.trace import shown

PREFILLED = tuple(SimulatorForm.base_fields)
"""What the address may fill in."""


class Simulator(RulesPage):
    """A form for a question, and the answer with its trace below."""

    title = "Simulator"
    lead = "Asks a live node what it would say to a client, and why. Nothing is written, emitted or called."
    template_name = "admin/permissions/simulator.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form, filled in with what the address says."""
        nodes = list(ask_everywhere("rules.status").values)
        initial = {name: request.GET[name] for name in PREFILLED if name in request.GET}
        return self._answer(SimulatorForm(initial=initial, nodes=nodes))

    def post(self, request: HttpRequest) -> HttpResponse:
        """The answer. Nothing is changed by asking, so nothing is logged."""
        nodes = list(ask_everywhere("rules.status").values)
        form = SimulatorForm(request.POST, nodes=nodes)
        if not form.is_valid():
            return self._answer(form)
        arguments = form.arguments()
        if number := form.cleaned_data["version"]:
            arguments["source"] = version_or_404(number).source
        try:
            found = announce.perform("rules.explain", node=form.cleaned_data["node"] or None, **arguments)
        except announce.AnnounceError as error:
            return self._answer(form, failure=str(error))
        return self._answer(form, explanation=shown(found))

    def _answer(self, form: SimulatorForm, **context: Any) -> HttpResponse:
        found = self.get_context_data(form=form, **context)
        return self.render_to_response(found, status=422 if form.errors else 200)
