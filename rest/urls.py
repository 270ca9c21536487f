"""The addresses of the REST API. A name is a path's tail, so what is about it stands before it."""

from __future__ import annotations

from django.urls import path, register_converter

from accounts.api import Me, TokenEndpoint
from cluster.api import Client, ClientList, NodeList
from events.api import Event, EventList
from monitoring.api import MetricsOfNodes
from permissions.api.questions import Explanation, Validation
from permissions.api.rule_sets import Activation, ActiveRuleSet, RollBack, RuleSetDetail, RuleSetList
from presence.api import OneUser, UserList
from records.api.history import History, PastRecord
from records.api.listing import RecordList
from records.api.record import RecordDetail
from rest.names import NameConverter
from rest.schema import Description, Docs
from rest.views import Nowhere
from rpc.api import Procedure, ProcedureList

register_converter(NameConverter, "name")

app_name = "rest"
urlpatterns = [
    path("records/", RecordList.as_view(), name="records"),
    path("records/<name:name>", RecordDetail.as_view(), name="record"),
    path("history/<name:name>", History.as_view(), name="history"),
    path("past/<name:name>", PastRecord.as_view(), name="past"),
    path("events/", EventList.as_view(), name="events"),
    path("events/<name:name>", Event.as_view(), name="event"),
    path("rpc/", ProcedureList.as_view(), name="procedures"),
    path("rpc/<name:name>", Procedure.as_view(), name="procedure"),
    path("presence/", UserList.as_view(), name="users"),
    path("presence/<name:name>", OneUser.as_view(), name="user"),
    path("clients/", ClientList.as_view(), name="clients"),
    path("clients/<name:id>", Client.as_view(), name="client"),
    path("nodes/", NodeList.as_view(), name="nodes"),
    path("metrics/", MetricsOfNodes.as_view(), name="metrics"),
    path("rules/", RuleSetList.as_view(), name="rules"),
    path("rules/active/", ActiveRuleSet.as_view(), name="active-rules"),
    path("rules/validate/", Validation.as_view(), name="rules-validation"),
    path("rules/explain/", Explanation.as_view(), name="rules-explanation"),
    path("rules/<int:number>/", RuleSetDetail.as_view(), name="rule-set"),
    path("rules/<int:number>/activate/", Activation.as_view(), name="rules-activation"),
    path("rules/<int:number>/rollback/", RollBack.as_view(), name="rules-roll-back"),
    path("token/", TokenEndpoint.as_view(), name="token"),
    path("me/", Me.as_view(), name="me"),
    path("schema/", Description.as_view(), name="schema"),
    path("docs/", Docs.as_view(), name="docs"),
    path("<name:rest>", Nowhere.as_view()),
]
