"""Live names: events, RPCs, presence, listening; and emitting and calling by hand."""

from __future__ import annotations

from typing import Any

import orjson
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from accounts.journal import CHANGE, write_down
from accounts.roles import EMIT_EVENTS, MAKE_CALLS
from cluster import announce
from monitoring.views.page import OperatorsPage, ask_all

LIMIT = 200
"""Names of a node that a list shows at once."""

LONGEST_CALL = 15.0
"""Seconds that a call by hand may take."""


class Names(OperatorsPage):
    """A list of live names, which the operation ``operation`` gives; ``?q=`` searches it."""

    template_name = "monitoring/names.html"
    links = ("clients", "client")
    operation = ""
    script = ""

    def snapshot(self) -> Any:
        """The names that the search finds."""
        return ask_all(self.operation, **self.details())

    def details(self) -> dict[str, Any]:
        """What is asked for."""
        return {"search": self.request.GET.get("q", "").strip(), "limit": LIMIT}


class WithData(Names):
    """A list with a form that sends a name and JSON; ``permission`` is needed for that."""

    permission = ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With what stands in the form."""
        form = {"name": self.request.GET.get("name", ""), "data": ""}
        may_send = self.request.user.has_perm(self.permission)
        return super().get_context_data(**{"form": form, "may_send": may_send, **kwargs})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Send what the form says, or show it again with what is wrong."""
        if not request.user.has_perm(self.permission):
            raise PermissionDenied
        form = {"name": request.POST.get("name", ""), "data": request.POST.get("data", "")}
        try:
            if not form["name"]:
                raise ValueError("Give a name.")
            context = self.send(form["name"], _read(form["data"]))
        except (ValueError, announce.AnnounceError) as error:
            context = {"wrong": str(error), **_sent_by_provider(error)}
        return self.render_to_response(self.get_context_data(form=form, **context))

    def send(self, name: str, data: Any) -> dict[str, Any]:
        """Do it, enter it into the journal, and return context that says what came of it."""
        raise NotImplementedError


class Events(WithData):
    """Events that have subscribers; emit one."""

    title = "Events"
    lead = (
        "An event is a message under a name: whoever is subscribed to the name at that moment gets it. "
        "Nothing of it is kept."
    )
    template_name = "monitoring/events.html"
    operation = "events.names"
    permission = EMIT_EVENTS

    def send(self, name: str, data: Any) -> dict[str, Any]:
        """Emit."""
        announce.emit(name, data)
        write_down(self.request.user, CHANGE, name, "Emitted the event")
        return {"done": f"The event {name} was emitted."}


class Rpcs(WithData):
    """RPCs that are provided, and calls under way; make one."""

    title = "RPC"
    lead = (
        "Clients provide procedures under a name. Others call them: the server passes each call to one "
        "provider, and its answer back."
    )
    template_name = "monitoring/rpc.html"
    operation = "rpc.names"
    permission = MAKE_CALLS

    def send(self, name: str, data: Any) -> dict[str, Any]:
        """Call, and show the answer."""
        write_down(self.request.user, CHANGE, name, "Called the RPC")
        answer = announce.call(name, data, timeout=LONGEST_CALL)
        return {"done": f"{name} answered:", "answer": _shown(answer)}


class Presence(Names):
    """Who is online, and where."""

    title = "Presence"
    lead = (
        "Users who are logged in at this moment, each with any number of connections. Clients may watch who "
        "comes and goes."
    )
    template_name = "monitoring/presence.html"
    operation = "presence.online"
    links = ("clients", "disconnect")


class Listening(Names):
    """Patterns that are listened to, who provides which name, and names that nobody provides."""

    title = "Listening"
    lead = (
        "Clients offer data for names that fit a pattern. When somebody subscribes to such a name, the "
        "server asks them one after the other, and the first to accept provides it."
    )
    template_name = "monitoring/listening.html"
    operation = "listening.patterns"


def _read(text: str) -> Any:
    """JSON; nothing at all is no data."""
    if not text.strip():
        return None
    try:
        return orjson.loads(text)
    except ValueError as error:
        raise ValueError(f"The data is no JSON: {error}. A text stands in quotes.") from None


def _shown(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _sent_by_provider(error: Exception) -> dict[str, str]:
    return {"answer": _shown(error.data)} if isinstance(error, announce.CallFailed) else {}
