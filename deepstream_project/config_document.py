"""Reading a YAML or JSON file as values with the line of each, so that a message can name it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

Steps = tuple[str | int, ...]
"""Where a value is in a document: the keys and list positions that lead to it."""


_HALVES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")


class ConfigError(Exception):
    """All that is wrong with a configuration: ``problems`` as a tuple, and as text one a line."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Document:
    """A file's values as they are written there, and the line of each where it is known."""

    path: Path
    values: Any
    lines: Mapping[Steps, int]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.2's core schema, which upstream reads: ``on``, ``OFF``, ``yes``, ``12:30`` and dates are text.

    So are numbers with a leading zero: they are passwords and codes more often than numbers.
    """

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _tag, _pattern, _first in (
    ("bool", "true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("null", "~|null|Null|NULL|", [*"~nN", ""]),
    ("int", "[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", [*"-+0123456789"]),
    (
        "float",
        r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan",
        [*"-+.0123456789"],
    ),
    ("merge", "<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first)


def read_document(path: Path) -> Document:
    """The file at ``path``, JSON by its suffix and else YAML.

    Raises ``ConfigError`` if it cannot be read or parsed, or gives a key twice in one section.
    """
    return parse_document(path, read_text(path))


def parse_document(path: Path, written: str) -> Document:
    """What is ``written`` in the file at ``path``, without looking there; see ``read_document``."""
    if path.suffix.lower() == ".json":
        return _read_json(path, written)
    try:
        return _Composed(path).read(written)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}" if mark else f"{path}"
        raise ConfigError(f"{place}: not valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error


def read_text(path: Path) -> str:
    """The UTF-8 text of a file; raises ``ConfigError`` if there is none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: cannot be read: it is not UTF-8 text") from error


def _read_json(path: Path, written: str) -> Document:
    """JSON says what the values are; read as YAML, which it almost is, it says on which lines they are."""
    try:
        values = json.loads(written)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from error
    try:
        lines = _Composed(path).read(_as_yaml(written)).lines
    except yaml.YAMLError:
        lines = {}
    return Document(path, values, lines)


def _as_yaml(written: str) -> str:
    """JSON without the two things that YAML has not: tabs between values, and characters in two halves."""
    return _HALVES.sub(lambda match: str(json.loads(f'"{match[0]}"')), written.replace("\t", " "))


class _Composed:
    """One file on its way from YAML's nodes, which know their lines, to plain values."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[Steps, int] = {}
        self._problems: list[str] = []
        self._open: set[int] = set()

    def read(self, written: str) -> Document:
        self._loader = _Loader(written)
        try:
            node = self._loader.get_single_node()
            values = None if node is None else self._value(node, ())
        finally:
            self._loader.dispose()
        if self._problems:
            raise ConfigError(*self._problems)
        return Document(self._path, values, self._lines)

    def _value(self, node: yaml.Node, steps: Steps) -> Any:
        self._lines.setdefault(steps, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._loader.construct_object(node)
        if id(node) in self._open:
            self._problems.append(f"{self._path}:{self._lines[steps]}: this alias holds itself")
            return None
        self._open.add(id(node))
        try:
            return (
                self._mapping(node, steps) if isinstance(node, yaml.MappingNode) else self._list(node, steps)
            )
        finally:
            self._open.remove(id(node))

    def _list(self, node: yaml.Node, steps: Steps) -> list[Any]:
        return [self._value(item, (*steps, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, steps: Steps) -> dict[str, Any]:
        self._refuse_repeated_keys(node)
        self._loader.flatten_mapping(node)
        values = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem(key, "a key must be text")
                continue
            self._lines[*steps, key.value] = key.start_mark.line + 1
            values[key.value] = self._value(item, (*steps, key.value))
        return values

    def _refuse_repeated_keys(self, node: yaml.MappingNode) -> None:
        """YAML forbids it, and the setting that does not win would be lost in silence."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    self._problem(key, f"{key.value}: this key is here twice")
                seen.add(key.value)

    def _problem(self, node: yaml.Node, text: str) -> None:
        self._problems.append(f"{self._path}:{node.start_mark.line + 1}: {text}")
