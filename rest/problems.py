"""Errors as problem details (RFC 9457): the one place where they get a status and a text."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpResponse
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.views import exception_handler

from cluster import announce

log = logging.getLogger("deepstream.rest")

MEDIA_TYPE = "application/problem+json"


class Problem(APIException):
    """An error with a status, a text that says what to do, and further members for programs.

    ``kind`` becomes the problem's ``type``, ``urn:deepstream:KIND``; without one it is ``about:blank``, which
    says that there is no more to it than the status.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "",
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status_code = status
        self.kind = kind
        self.headers = dict(headers or {})
        self.members = members


def as_response(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """REST framework's EXCEPTION_HANDLER: the answer to whatever a view raised."""
    problem = _problem_of(error)
    if problem is None:
        answer = exception_handler(error, dict(context))
        if answer is None:
            log.error("%s failed", context["request"].path, exc_info=error)
            problem = Problem(500, "The server made a mistake; its log says which.")
        else:
            headers = {name: text for name, text in answer.headers.items() if name != "Content-Type"}
            return _response(answer.status_code, _members(error, answer.data), headers)
    members = {"detail": str(problem.detail), **problem.members}
    return _response(problem.status_code, members, problem.headers, problem.kind)


def etag(version: int) -> str:
    """The entity tag of a record's version."""
    return f'"{version}"'


def version_conflict(version: int | None, data: Any, detail: str) -> Problem:
    """The record is not in the version that was asked for; the answer shows which it is in."""
    headers = {} if version is None else {"ETag": etag(version)}
    return Problem(412, detail, kind="version-conflict", headers=headers, version=version, data=data)


_Explain = Callable[[Any], Problem]

_PROBLEMS: dict[type[Exception], _Explain] = {
    announce.Conflict: lambda error: version_conflict(error.version, error.data, str(error)),
    announce.NotFound: lambda error: Problem(404, str(error)),
    announce.Invalid: lambda error: Problem(400, str(error), kind="invalid"),
    announce.CallFailed: lambda error: Problem(502, str(error), kind="call-failed", data=error.data),
    announce.TimedOut: lambda error: Problem(504, str(error), kind="timeout"),
    announce.NoServer: lambda error: Problem(503, str(error), kind="no-server"),
    announce.AnnounceError: lambda error: Problem(503, str(error)),
    RequestDataTooBig: lambda error: Problem(413, str(error)),
    DatabaseError: lambda _: Problem(503, "The database does not answer as it should: try again later."),
    InterfaceError: lambda _: Problem(503, "The database cannot be reached: try again later."),
    Http404: lambda error: Problem(404, str(error) or "There is nothing here."),
    PermissionDenied: lambda error: Problem(403, str(error) or "You are not permitted to do this."),
}


def _problem_of(error: Exception) -> Problem | None:
    if isinstance(error, Problem):
        return error
    for kind in type(error).__mro__:
        if explain := _PROBLEMS.get(kind):
            if issubclass(kind, DatabaseError | InterfaceError):
                log.warning("The database failed a request: %s", error)
            return explain(error)
    return None


def _members(error: Exception, data: Any) -> dict[str, Any]:
    """What REST framework says of its own errors; of a request that is wrong, what is wrong where."""
    if isinstance(error, ValidationError):
        errors = [{"field": field, "detail": text} for field, text in _leaves("", data)]
        told = "; ".join(
            f"{one['field']}: {one['detail']}" if one["field"] else one["detail"] for one in errors
        )
        return {"detail": told, "errors": errors}
    return {"detail": str(data.get("detail", ""))}


def _leaves(field: str, found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, Mapping):
        for key, below in found.items():
            inner = "" if key == "non_field_errors" else str(key)
            yield from _leaves(f"{field}.{inner}".strip("."), below)
    elif isinstance(found, list):
        for below in found:
            yield from _leaves(field, below)
    else:
        yield field, str(found)


def _response(
    status: int, members: Mapping[str, Any], headers: Mapping[str, str], kind: str = ""
) -> HttpResponse:
    """Always JSON, whatever the view's own answers are."""
    problem = {
        "type": f"urn:deepstream:{kind}" if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        **members,
    }
    content = orjson.dumps(problem, default=str)
    return HttpResponse(content, status=status, headers=dict(headers), content_type=MEDIA_TYPE)
