"""Rule sets in the database: drafts are made, one is put in force, an old one is brought back.

Functions for Django code: an admin page, a command, a script. A running server sees what they do: at once
in the same process, within two seconds elsewhere (VALVE.md, last paragraph; docs/rules.md).
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import NamedTuple, cast

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from deepstream_project.config import ConfigError, load_config
from deepstream_project.config_services import PermissionConfig
from permissions.apps import PermissionsConfig
from permissions.document import InvalidRules, Problem
from permissions.models import RuleSetVersion
from permissions.rule_text import problems_of, read_rules

FILE_AUTHOR = "permissions.yml"
"""The author of versions that were read from the file which the configuration names."""

_TRIES = 3
"""How often a file's rules are written again when others activate something at the same moment."""

State = RuleSetVersion.State
Author = str | AbstractBaseUser


class RulesRefused(Exception):
    """What was asked of the rule sets cannot be done; the text says why, and what to do instead."""


class Overtaken(RulesRefused):
    """Somebody else activated a rule set at the same time, and was first."""


class Key(NamedTuple):
    """What tells cheaply which rules are active."""

    number: int
    content_hash: str


def active() -> RuleSetVersion | None:
    """The version that is active, if there is one."""
    return RuleSetVersion.objects.filter(state=State.ACTIVE).first()


def active_key() -> Key | None:
    """The key of the version that is active, without reading its rules."""
    found = RuleSetVersion.objects.filter(state=State.ACTIVE).values_list("number", "content_hash").first()
    return None if found is None else Key(*found)


def hash_of(source: str) -> str:
    """The content hash of a version with this source."""
    return hashlib.sha256(source.encode()).hexdigest()


def create_draft(text: str, author: Author, comment: str = "") -> RuleSetVersion:
    """Keep ``text``, YAML or JSON, as a draft; it may be invalid, then ``problems`` of the draft says why.

    Raises ``RulesRefused`` for text that a database cannot keep.
    """
    draft = _version(text, author, comment)
    draft.save(force_insert=True)
    return draft


def validate(rule_set: RuleSetVersion) -> list[Problem]:
    """All that is wrong with a version's rules, by what can be read today; empty if it can be in force."""
    return problems_of(rule_set.source)


def activate(
    rule_set: RuleSetVersion, author: Author, comment: str = "", *, permission: PermissionConfig | None = None
) -> RuleSetVersion:
    """Put a draft in force; the version that was active is past then. Returns the active version.

    ``permission`` is how the server is configured, if not as this process's own server or as the
    ``config.yml`` that is found here. Raises ``InvalidRules`` with all problems of the rules, ``Overtaken``
    if another activation was faster, and ``RulesRefused`` if the configuration or the state forbids it.
    """
    refuse_if_configured(permission)
    seen = active_key()
    rule_set.refresh_from_db()
    if rule_set.state == State.ACTIVE:
        raise RulesRefused(f"Version {rule_set.number} is active already.")
    if rule_set.state == State.PAST:
        raise RulesRefused(f"Version {rule_set.number} is past: roll back to it, which makes a new version.")
    _refuse_problems(rule_set)
    _put_in_force(rule_set, seen, author, comment)
    return rule_set


def roll_back(
    to: RuleSetVersion, author: Author, comment: str = "", *, permission: PermissionConfig | None = None
) -> RuleSetVersion:
    """Put the rules of a past version in force again, as a new version that names it; see ``activate``."""
    refuse_if_configured(permission)
    seen = active_key()
    to.refresh_from_db()
    if to.state != State.PAST:
        why = "is active already" if to.state == State.ACTIVE else "never was in force: activate it"
        raise RulesRefused(f"Version {to.number} {why}.")
    _refuse_problems(to)
    again = _version(to.source, author, comment)
    again.came_from = to
    _put_in_force(again, seen, author, comment)
    return again


def adopt(source: str, author: Author, comment: str = "") -> RuleSetVersion | None:
    """Make ``source`` the active rules if it is not, as a new version, which is returned.

    For the rules of a file that counts: the configuration does not forbid it. Raises ``InvalidRules``.
    """
    tries_left = _TRIES
    while True:
        seen = active_key()
        if seen is not None and seen.content_hash == hash_of(source):
            return None
        version = _version(source, author, comment)
        _refuse_problems(version)
        try:
            _put_in_force(version, seen, author, comment)
        except Overtaken:
            # Most often by another node that has the same file.
            tries_left -= 1
            if not tries_left:
                raise
        else:
            return version


def refuse_if_configured(permission: PermissionConfig | None = None) -> None:
    """Raise ``RulesRefused`` while rules of the configuration count, and not those of the database."""
    for configured in _configured() if permission is None else [permission]:
        if configured.type == "config":
            name = (
                "config.yml has rules" if configured.path is None else f"{configured.path.name} is configured"
            )
            raise RulesRefused(
                f"{name}, and what is there is in force: edit it, or take it out of config.yml with"
                " `permission: {type: database}`."
            )


def _configured() -> list[PermissionConfig]:
    """How the servers of this process are configured, or else how one would be."""
    if servers := _app().servers:
        return [server.permission for server in servers]
    try:
        return [load_config().permission]
    except ConfigError as error:
        raise RulesRefused(
            f"The configuration cannot be read, which says what is in force: {error}"
        ) from None


def _version(source: str, author: Author, comment: str) -> RuleSetVersion:
    """A draft that is not saved yet."""
    try:
        content_hash = hash_of(source)
    except UnicodeEncodeError:
        raise RulesRefused("The text has half a character, which no database keeps.") from None
    if "\0" in source:
        raise RulesRefused("The text has a NUL character, which no database keeps.")
    version = RuleSetVersion(
        source=source, content_hash=content_hash, author=str(author)[:255], comment=comment
    )
    try:
        version.document = read_rules(source).values
    except InvalidRules as error:
        version.problems = [asdict(problem) for problem in error.problems]
    return version


def _refuse_problems(rule_set: RuleSetVersion) -> None:
    if problems := validate(rule_set):
        raise InvalidRules(problems)


def _put_in_force(version: RuleSetVersion, seen: Key | None, author: Author, comment: str) -> None:
    """Make ``version`` active in the place of the one that was ``seen``; raises ``Overtaken``."""
    try:
        with transaction.atomic():
            _retire(seen)
            _activate(version, author, comment)
            # Within the transaction: a caller's own may yet be rolled back.
            transaction.on_commit(_app().tell_servers)
    except IntegrityError:
        raise _overtaken() from None


def _retire(seen: Key | None) -> None:
    if seen is not None:
        present = RuleSetVersion.objects.filter(pk=seen.number, state=State.ACTIVE)
        if not present.update(state=State.PAST):
            raise _overtaken()


def _activate(version: RuleSetVersion, author: Author, comment: str) -> None:
    """Refused by the unique constraint if another one is active."""
    if version._state.adding:
        version.save(force_insert=True)
    drafts = RuleSetVersion.objects.filter(pk=version.pk, state=State.DRAFT)
    if not drafts.update(
        state=State.ACTIVE,
        activated_by=str(author)[:255],
        activated_at=timezone.now(),
        activation_comment=comment,
    ):
        raise _overtaken()
    version.refresh_from_db()


def _overtaken() -> Overtaken:
    return Overtaken("Somebody else activated a rule set at the same moment: look at it, then try again.")


def _app() -> PermissionsConfig:
    return cast(PermissionsConfig, apps.get_app_config("permissions"))
