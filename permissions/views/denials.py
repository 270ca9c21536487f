"""What the rules refused lately, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from cluster import announce
from monitoring.views.page import ask_all
from permissions.asking import ACTIONS
from permissions.views.nodes import time_of
from permissions.views.page import RulesPage, version_or_404
from permissions.views.trace import shown


class Denials(RulesPage):
    """The latest denials of all nodes, live; ``?q=`` finds users and names."""

    title = "Denials"
    lead = "What the rules refused to clients lately, as it happens."
    template_name = "admin/permissions/denials.html"
    links = ("rules_decision",)

    def snapshot(self) -> Any:
        """What the nodes keep now."""
        return ask_all("rules.denials")

    def details(self) -> dict[str, Any]:
        """What is searched for, and how topics are called."""
        return {"search": self.request.GET.get("q", ""), "topics": _TOPICS}


class Decision(RulesPage):
    """One decision and why: ``?node=`` and ``?number=`` say which, ``?version=`` asks other rules as well."""

    title = "Decision"
    template_name = "admin/permissions/decision.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The decision."""
        node, number = request.GET.get("node", ""), request.GET.get("number", "")
        if not node or not (number.isascii() and number.isdigit() and len(number) < 18):
            raise Http404("Which decision is meant?")
        asked: dict[str, Any] = {"node": node, "number": int(number)}
        context: dict[str, Any] = {}
        try:
            found = announce.perform("rules.decision", **asked)
            context |= {"decision": row(found, node), "explanation": shown(found["explanation"])}
            context["again"] = _question(found, node)
            if version := request.GET.get("version"):
                draft = version_or_404(version)
                other = announce.perform("rules.decision", source=draft.source, **asked)
                context |= {"version": draft, "other": shown(other["explanation"])}
        except announce.AnnounceError as error:
            context["failure"] = str(error)
        return self.render_to_response(self.get_context_data(**context))


def row(decision: dict[str, Any], node: str) -> dict[str, Any]:
    """A decision of a node as tables show it."""
    return decision | {
        "node": node,
        "time": time_of(decision["at"]),
        "first_time": time_of(decision["firstAt"]),
        "is_allowed": decision["verdict"] == "ALLOWED",
        "topic_name": _TOPICS.get(decision["topic"], str(decision["topic"])),
        "shown_names": decision["refusedNames"] or decision["names"],
        "more": decision["moreNames"],
    }


_TOPICS = {int(topic): topic.name.lower() for topic, _ in ACTIONS.values()}

_QUESTIONS: Mapping[str, Mapping[str, str | None]] = {
    "record": {
        "SUBSCRIBECREATEANDREAD": "record.create",
        "CREATEANDUPDATE": "record.write",
        "UPDATE": "record.write",
        "CREATEANDPATCH": "record.patch",
        "PATCH": "record.patch",
        "DELETE": "record.delete",
        "ERASE": "record.delete",
        "LISTEN": "record.listen",
        "NOTIFY": "record.notify",
        "PATCH_MULTI": None,  # several patches at once cannot be entered in the form
    },
    "event": {"EMIT": "event.publish", "SUBSCRIBE": "event.subscribe", "LISTEN": "event.listen"},
    "rpc": {"PROVIDE": "rpc.provide", "REQUEST": "rpc.request"},
}
"""What the simulator calls a client's action; all others read a record or look who is online."""


def _question(found: dict[str, Any], node: str) -> dict[str, str] | None:
    """The fields of the simulator's form for asking about a decision again, None if they cannot say it."""
    question = found["question"]
    topic = question["topic"]
    usual = "record.read" if topic == "record" else "presence.allow"
    action = _QUESTIONS.get(topic, {}).get(found["action"], usual)
    if action is None:
        return None
    fields = {
        "action": action,
        "name": question["name"],
        "user": question["user"] or "",
        "path": question["path"] or "",
        "payload": question["data"] or "",
        "node": node,
    }
    if question["userData"] is not None:
        fields["user_data"] = json.dumps(question["userData"], ensure_ascii=False)
    if "oldData" in question:
        fields["old_data"] = json.dumps(question["oldData"], ensure_ascii=False)
    return fields
