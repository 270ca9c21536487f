"""How a section of keys becomes a dataclass whose attributes say how they are read and what they default to.

An attribute ``ack_timeout`` is the key ``ackTimeout`` of the file; only this module knows that rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING as REQUIRED
from dataclasses import Field, fields
from difflib import get_close_matches
from typing import Any, ClassVar, TypeVar, cast

from deepstream_project.config_place import MISSING, Place
from deepstream_project.config_values import Reader, shown


class Section:
    """What every section can say about itself beside its attributes; all of it is optional."""

    __slots__ = ()

    TYPES: ClassVar[tuple[str, ...]] = ()
    """For a section of ``{type, options}``: the types there are."""
    STAND_INS: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Upstream's types that another one replaces, without options and with a warning: which, and why."""
    INSTEAD: ClassVar[Mapping[str, str]] = {}
    """Upstream's types that nothing replaces: what there is instead."""
    MOVED: ClassVar[Mapping[str, str]] = {}
    """Keys of older files that are errors here: where their setting is now."""
    IGNORED: ClassVar[Mapping[str, str]] = {}
    """Keys of older files that are accepted with a warning: why they do nothing here."""
    REFUSED: ClassVar[Mapping[str, str]] = {}
    """Upstream's keys that ask for what is not here: what there is instead."""

    def contradiction(self) -> str | None:
        """What is wrong with the section as a whole, if anything is."""
        return None


T = TypeVar("T", bound=Section)


def setting(
    read: Reader,
    *,
    key: str | None = None,
    only: tuple[str, ...] = (),
    also: str | None = None,
    needless: str | None = None,
) -> dict[str, Any]:
    """The metadata of a dataclass field that ``read`` reads from the file.

    ``key``: its key, if the attribute's name does not give it. ``also``: a second one, from older files.
    ``only``: the types (of ``{type, options}``) that have it, if not all. ``needless``: why nothing depends
    on it here; a value other than the default is then accepted with a warning.
    """
    return {"read": read, "key": key, "only": only, "also": also, "needless": needless}


def section(kind: type[T]) -> Reader:
    """A reader for a section of plain keys."""
    return lambda value, place: read_section(kind, value, place)


def key_of(attribute: Field[Any]) -> str:
    """An attribute's key in the file: its own, or ``ack_timeout`` as ``ackTimeout``."""
    own: str | None = attribute.metadata["key"]
    return own or re.sub(r"_(\w)", lambda match: match[1].upper(), attribute.name)


def attributes(kind: type[Section]) -> tuple[Field[Any], ...]:
    """The dataclass fields of a section."""
    return fields(kind)  # type: ignore[arg-type]  # every section is a dataclass, which no type can say


def settings_of(kind: type[Section]) -> dict[str, Field[Any]]:
    """Every key that a section of this kind can have, in any of its types, and the attribute it sets."""
    known: dict[str, Field[Any]] = {}
    for one in attributes(kind):
        if "read" in one.metadata:
            known[key_of(one)] = one
            if one.metadata["also"]:
                known[one.metadata["also"]] = one
    return known


def read_section(kind: type[T], value: Any, place: Place, chosen: str | None = None) -> T:
    """The section as a ``kind`` (of the ``chosen`` type); a key without a value counts as left out.

    Every problem inside is reported, so that one run shows them all; a section that still lacks what it must
    have is ``MISSING``.
    """
    if value is None:
        value = {}
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a section of keys, not {shown(value)}")
    known = settings_of(kind)
    here = {
        key: one for key, one in known.items() if not one.metadata["only"] or chosen in one.metadata["only"]
    }
    given = {"type": chosen} if chosen and any(one.name == "type" for one in attributes(kind)) else {}
    for key, item in value.items():
        if key not in known:
            _report_unknown(
                kind, key, place.at(key), [name for name in here if name != here[name].metadata["also"]]
            )
        elif key not in here:
            place.at(key).problem(f"only type {' or '.join(known[key].metadata['only'])} has this option")
        elif item is not None:
            _read_setting(known[key], item, place.at(key), given)
    return _complete(kind, given, place)


def _read_setting(target: Field[Any], item: Any, place: Place, given: dict[str, Any]) -> None:
    if target.name in given:
        place.problem(f"says the same as {key_of(target)}; keep one of them")
        return
    given[target.name] = value = place.read(target.metadata["read"], item)
    needless = target.metadata["needless"]
    if needless and value is not MISSING and value != target.default:
        place.warn(f"does nothing here: {needless}")


def _complete(kind: type[T], given: dict[str, Any], place: Place) -> T:
    required = [one for one in attributes(kind) if one.default is one.default_factory is REQUIRED]
    for one in required:
        if one.name not in given:
            place.problem(f"{key_of(one)} is missing")
    usable = {name: value for name, value in given.items() if value is not MISSING}
    if any(one.name not in usable for one in required):
        return cast(T, MISSING)
    made = kind(**usable)
    if len(usable) == len(given) and (wrong := made.contradiction()):
        place.problem(wrong)
    return made


def _report_unknown(kind: type[Section], key: str, place: Place, known: Iterable[str]) -> None:
    if key in kind.IGNORED:
        place.warn(f"ignored: {kind.IGNORED[key]}")
    elif key in kind.MOVED:
        place.problem(f"this setting is now {kind.MOVED[key]}")
    elif key in kind.REFUSED:
        place.problem(f"not here: {kind.REFUSED[key]}")
    else:
        place.problem(f"unknown key{nearest(key, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean …?``, or what there is when nothing is near."""
    by_lower = {one.lower().replace("_", ""): one for one in known}
    close = get_close_matches(name.lower().replace("_", ""), by_lower, n=1)
    if close:
        return f"; did you mean {by_lower[close[0]]}?"
    return f"; known here: {', '.join(by_lower.values())}" if by_lower else "; there are no options here"


def plugin(kind: type[T]) -> Reader:
    """A reader for a section of ``{type, options}`` whose types all set attributes of one ``kind``."""

    def options_of(chosen: str, options: Any, place: Place) -> T:
        return read_section(kind, options, place, chosen)

    return lambda value, place: read_choice(value, place, kind, options_of)


def read_choice(value: Any, place: Place, kind: type[Section], read: Callable[[str, Any, Place], Any]) -> Any:
    """What ``read(type, options, place)`` makes of ``{type, options}``; ``name`` is the same as ``type``."""
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a section with type and options, not {shown(value)}")
    for key in value:
        if key not in _CHOICE:
            _report_unknown(_Choice, key, place.at(key), _CHOICE)
    key = "type" if "type" in value else "name"
    chosen = value.get(key)
    if chosen is MISSING:
        return MISSING
    if chosen is None and "default" in kind.TYPES:
        chosen = "default"
    if chosen in kind.TYPES:
        at = place.at("options")
        return at.read(lambda options, at: read(chosen, options, at), value.get("options"))
    return _read_other(chosen, place.at(key), kind, read)


def _read_other(
    chosen: Any, place: Place, kind: type[Section], read: Callable[[str, Any, Place], Any]
) -> Any:
    """A type that is not here: its stand-in, or a problem that says what there is."""
    if not isinstance(chosen, str):
        given = "missing" if chosen is None else f"text, not {shown(chosen)}"
        place.problem(f"the type is {given}; known here: {', '.join(kind.TYPES)}")
    elif chosen in kind.STAND_INS:
        other, why = kind.STAND_INS[chosen]
        place.warn(f"{chosen} is not here, and {other} takes its place: {why}")
        return read(other, None, place)
    elif chosen in kind.INSTEAD:
        place.problem(f"{chosen} is not here: {kind.INSTEAD[chosen]}")
    else:
        place.problem(f"unknown type {chosen!r}{nearest(chosen, kind.TYPES)}")
    return MISSING


_CHOICE = ("type", "name", "options")


class _Choice(Section):
    """What may stand around the options of a section that has a type."""

    MOVED: ClassVar[Mapping[str, str]] = {
        "path": "nowhere: a plugin written for Node.js cannot run here, choose one of the types",
    }
