"""Records as JSON lines, out and in: ``{"name": …, "version": …, "data": …}``, one a line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, ClassVar, NamedTuple

import orjson
from asgiref.sync import sync_to_async
from django.contrib.admin.models import CHANGE
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse

from accounts.roles import ADD_RECORDS, CHANGE_RECORDS
from cluster import announce
from records.listing import starting_with
from records.names import name_problem
from records.views.page import RecordsPage

AT_ONCE = 500
"""Records that are read or written at once, at most."""

BYTES = 4 * 1024 * 1024
"""Bytes of lines that are read or written at once, give or take a line."""

MOST_ERRORS = 1000
"""Lines whose errors are told."""

LONGEST_LINE = 32 * 1024 * 1024
"""Bytes of a line; a record itself may be smaller."""


class Export(RecordsPage):
    """All records with a prefix as a download, in the order of their names; read as it is fetched."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Stream them."""
        lines = exported(request.GET.get("prefix", ""))
        response = StreamingHttpResponse(lines, content_type="application/x-ndjson; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="records.jsonl"'
        return response


async def exported(prefix: str) -> AsyncIterator[bytes]:
    """The lines of all records whose names start with ``prefix``, some at once: more of small ones."""
    after, count = "", 16
    while lines := await sync_to_async(_lines_behind)(after, prefix, count):
        after = lines[-1][0]
        some = b"".join(line for _, line in lines)
        yield some
        count = min(2 * count, AT_ONCE) if len(some) < BYTES // 4 else max(1, count // 2)


def _lines_behind(after: str, prefix: str, count: int) -> list[tuple[str, bytes]]:
    records = starting_with(prefix, behind=after).order_by("name")
    as_text = records.annotate(text=Cast("data", TextField()))
    return [
        (name, _line(name, version, text))
        for name, version, text in as_text.values_list("name", "version", "text")[:count]
    ]


def _line(name: str, version: int, text: str) -> bytes:
    """The data as it was written, because not every number survives being read, on one line."""
    data = text.replace("\n", " ").replace("\r", " ").encode()
    return b'{"name":%b,"version":%d,"data":%b}\n' % (orjson.dumps(name), version, data)


class Problem(NamedTuple):
    """Why a line was not imported."""

    line: int
    text: str


class Report(NamedTuple):
    """What an import did: the names written, and the lines that were not, of which some may not be told."""

    written: list[str]
    problems: list[Problem]
    lines: int


class Import(RecordsPage):
    """The form, and what comes of it: each good line is a write of its own, whatever the others are.

    The page's script sends a file in pieces, of which ``first`` is the number of the first line, and asks for
    JSON; without it the browser sends the whole.
    """

    title = "Import records"
    template_name = "admin/records/import.html"
    needs: ClassVar[dict[str, str]] = {"GET": ADD_RECORDS, "POST": ADD_RECORDS}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Write what the file says."""
        if not request.user.has_perm(CHANGE_RECORDS):
            raise PermissionDenied
        file, first = request.FILES.get("file"), request.POST.get("first", "1")
        if file is None or not first.isdecimal():
            raise BadRequest("An import is a file of lines.")
        report = imported(
            _numbered(file, int(first)), author=self.author, replace=request.POST.get("existing") == "replace"
        )
        self.log_each(CHANGE, report.written, "Imported.")
        if request.POST.get("as") == "json":
            problems = [problem._asdict() for problem in report.problems]
            return JsonResponse({"written": len(report.written), "lines": report.lines, "problems": problems})
        return self.show(report=report)


def imported(lines: Iterable[tuple[int, bytes]], *, author: str, replace: bool) -> Report:
    """Write the records of numbered ``lines``; without ``replace``, those that exist stay as they are."""
    written: list[str] = []
    problems: list[Problem] = []
    count = 0
    for chunk in _chunks(lines):
        good: list[tuple[int, str, Any]] = []
        for number, line in chunk:
            count = number
            try:
                if line.strip():
                    good.append((number, *_record_in(line)))
            except ValueError as error:
                problems.append(Problem(number, str(error)))
        for (number, name, _), problem in zip(good, _written(good, author, replace), strict=True):
            if problem is None:
                written.append(name)
            else:
                problems.append(Problem(number, problem))
    return Report(written, sorted(problems)[:MOST_ERRORS], count)


def _chunks(lines: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Some lines at once, neither too many nor too long together."""
    chunk: list[tuple[int, bytes]] = []
    size = 0
    for number, line in lines:
        chunk.append((number, line))
        size += len(line)
        if len(chunk) >= AT_ONCE or size >= BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _written(good: list[tuple[int, str, Any]], author: str, replace: bool) -> list[str | None]:
    if not good:
        return []
    records = [[name, data] for _, name, data in good]
    try:
        answers: list[str | None] = announce.perform(
            "records.write-many", records=records, author=author, replace=replace
        )
    except announce.AnnounceError as error:
        return [str(error)] * len(good)
    return answers


def _record_in(line: bytes) -> tuple[str, Any]:
    """Name and data in a line; raises ValueError."""
    if len(line) > LONGEST_LINE:
        raise ValueError("The line is too long.")
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"No JSON: {error}.") from None
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or "data" not in value:
        raise ValueError('A line is an object with "name" and "data".')
    if problem := name_problem(value["name"]):
        raise ValueError(problem)
    if not isinstance(value["data"], dict | list):
        raise ValueError("The data of a record is a JSON object or array.")
    return value["name"], value["data"]


def _numbered(file: Any, first: int) -> Iterator[tuple[int, bytes]]:
    """The lines of an uploaded file, which may be larger than memory; one too long comes cut short."""
    number = first
    while line := file.readline(LONGEST_LINE + 1):
        whole = line
        while len(whole) > LONGEST_LINE and not whole.endswith(b"\n"):
            whole = file.readline(LONGEST_LINE + 1) or b"\n"
        yield number, line
        number += 1
