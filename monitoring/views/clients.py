"""Clients: all of them, one of them, and showing them the door."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.views import View

from accounts.journal import DELETION, write_down
from accounts.roles import DISCONNECT_CLIENTS
from cluster import announce
from monitoring.views.page import TIMEOUT, OperatorsPage, ask_all, ask_one, go

LIMIT = 200
"""Clients of a node that the list shows at once."""

ORDERS = {
    "oldest": "who came first",
    "newest": "who came last",
    "outbox": "largest outbox",
    "received": "most received from",
    "sent": "most sent to",
    "subscriptions": "most subscriptions",
    "silent": "longest silent",
}
"""Which of the clients are shown where there are more than LIMIT, as ``gateway.live`` knows them."""


class Clients(OperatorsPage):
    """The live list over all nodes, and those that left last."""

    title = "Clients"
    lead = (
        "Every connection that is open, on all nodes. Choose one to see what it subscribed to, and its "
        "messages as they come."
    )
    template_name = "monitoring/clients.html"
    links = ("clients", "client", "disconnect")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the orders to choose from."""
        return super().get_context_data(orders=ORDERS, order=self.details()["order"], **kwargs)

    def snapshot(self) -> Any:
        """The clients that the search finds, and the last closed ones."""
        return {"clients": ask_all("clients.list", **self.details()), "closed": ask_all("clients.closed")}

    def details(self) -> dict[str, Any]:
        """What is asked for."""
        order = self.request.GET.get("order", "")
        asked = {
            "search": self.request.GET.get("q", "").strip(),
            "limit": LIMIT,
            "order": order if order in ORDERS else "oldest",
        }
        return asked | ({"user": user} if (user := self.request.GET.get("user")) else {})


class Client(OperatorsPage):
    """One client: what it has here, and a live tail of its messages."""

    title = "Client"
    template_name = "monitoring/client.html"
    links = ("clients", "client", "disconnect")

    def snapshot(self) -> Any:
        """What its node knows of it."""
        asked = self.details()
        return ask_one("clients.get", asked["node"], client=asked["client"])

    def details(self) -> dict[str, Any]:
        """Which client it is."""
        try:
            client = int(self.request.GET["client"])
        except (KeyError, ValueError):
            raise Http404("Say which client: ?node=…&client=…") from None
        return {"node": self.request.GET.get("node", ""), "client": client}


class Disconnect(View):
    """Closes one client, or every connection of a user on all nodes; by POST alone."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest) -> HttpResponse:
        """``user``, or ``node`` and ``client``; ``reason`` is told the client."""
        if not request.user.has_perm(DISCONNECT_CLIENTS):
            raise PermissionDenied
        told = {"reason": reason} if (reason := request.POST.get("reason", "").strip()) else {}
        user = request.POST.get("user")
        try:
            text = _user(request, user, told) if user else _client(request, told)
        except (announce.AnnounceError, ValueError) as error:
            return go(request, "clients", f"Nobody was disconnected. {error}", failed=True)
        return go(request, "clients", text)


def _client(request: HttpRequest, told: dict[str, str]) -> str:
    node = request.POST.get("node", "")
    try:
        client = int(request.POST.get("client", ""))
    except ValueError:
        raise ValueError("The form did not say whom.") from None
    announce.perform("clients.disconnect", node=node, timeout=TIMEOUT, client=client, **told)
    name = f"client {client} at {node}"
    write_down(request.user, DELETION, name, f"Disconnected {name}. {told.get('reason', '')}".strip())
    return f"Client {client} at {node} was disconnected."


def _user(request: HttpRequest, user: str, told: dict[str, str]) -> str:
    answer = ask_all("clients.disconnect", user=user, **told)
    closed = sum(value["closed"] for value in answer["nodes"].values())
    write_down(
        request.user,
        DELETION,
        f"user {user}",
        f"Disconnected the user everywhere, {closed} connections. {told.get('reason', '')}".strip(),
    )
    if answer["failed"]:
        raise ValueError(
            f"{closed} connections were closed, but these nodes did not answer: {answer['failed']}"
        )
    return f"{closed} connections of {user} were closed."
