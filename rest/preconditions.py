"""If-Match and If-None-Match: which version of a record a request is meant for (RFC 9110, section 13)."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from rest_framework.request import Request

from cluster.announce import Record
from rest.problems import Problem, etag, version_conflict

_TAG = re.compile(r'\s*(?:W/)?"[^"]*"\s*')
ANY = "*"


class Preconditions(NamedTuple):
    """The tags of each header, None where it is absent; ``*`` is any version that exists."""

    match: frozenset[str] | None
    none_match: frozenset[str] | None

    @classmethod
    def of(cls, request: Request) -> Self:
        """Those of ``request``; raises Problem for headers that are none."""
        return cls(_tags(request, "If-Match"), _tags(request, "If-None-Match"))

    def check(self, found: Record | None) -> None:
        """Refuse to write when ``found`` is not the version that was meant; shows what is stored."""
        if self.match is not None and not _matches(found, self.match):
            raise _conflict(found, "is not the one in If-Match")
        if self.none_match is not None and _matches(found, self.none_match):
            raise _conflict(found, "is one that If-None-Match excludes")

    def is_known(self, found: Record) -> bool:
        """Whether who reads has ``found`` already."""
        return self.none_match is not None and _matches(found, self.none_match)


def _matches(found: Record | None, tags: frozenset[str]) -> bool:
    return found is not None and (ANY in tags or etag(found.version) in tags)


def _tags(request: Request, header: str) -> frozenset[str] | None:
    """Weak tags are kept with their W/, so that they are equal to none of ours, which are strong."""
    text = request.headers.get(header)
    if text is None:
        return None
    parts = text.split(",")
    if text.strip() != ANY and not all(_TAG.fullmatch(part) for part in parts):
        raise Problem(
            400, f'{header} must be * or a version in double quotes, as in {header}: "3".', kind="invalid"
        )
    return frozenset(part.strip() for part in parts)


def _conflict(found: Record | None, what: str) -> Problem:
    if found is None:
        return version_conflict(None, None, "There is no such record.")
    return version_conflict(found.version, found.data, f"The stored version, {etag(found.version)}, {what}.")
