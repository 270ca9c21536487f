"""Where in a configuration a value stands, and the list of what is wrong there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from deepstream_project.config_document import ConfigError, Document, Steps
from deepstream_project.config_file import LoadedFile, expand, load_file

MISSING: Any = object()
"""What stands for a value that could not be read; the reason is in the report."""


class Report:
    """The problems and warnings of one reading, each with the place it is about."""

    def __init__(self, document: Document, overridden: Iterable[Steps] = ()) -> None:
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.folder = document.path.parent.absolute()
        self._document = document
        self._overridden = set(overridden)

    def about(self, steps: Steps, text: str) -> str:
        """``text`` with the file, line and dotted path, or without a line if it was given as an override."""
        return (
            f"{self._origin(steps)}: {dotted(steps)}: {text}" if steps else f"{self._origin(steps)}: {text}"
        )

    def _origin(self, steps: Steps) -> str:
        above = [steps[:length] for length in range(len(steps), -1, -1)]
        if self._overridden.intersection(above):
            return "command line"
        line = next((self._document.lines[one] for one in above if one in self._document.lines), None)
        return f"{self._document.path}" if line is None else f"{self._document.path}:{line}"


def dotted(steps: Steps) -> str:
    """``("auth", 0, "type")`` as ``auth[0].type``."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return "".join(parts).lstrip(".")


class Place:
    """One value's place: what a reader reports problems to and asks for the folder of the file."""

    __slots__ = ("_report", "steps")

    def __init__(self, report: Report, steps: Steps = ()) -> None:
        self._report = report
        self.steps = steps

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return self._report.folder

    def at(self, *steps: str | int) -> Place:
        """The place of something inside this one."""
        return Place(self._report, (*self.steps, *steps))

    def problem(self, text: str) -> None:
        """Report that the configuration cannot be used, because of what stands here."""
        self._report.problems.append(self._report.about(self.steps, text))

    def warn(self, text: str) -> None:
        """Report that what stands here does not do what a reader of the file may expect."""
        self._report.warnings.append(self._report.about(self.steps, text))

    def read(self, read: Callable[[Any, Place], Any], value: Any) -> Any:
        """What ``read`` makes of ``value``, or ``MISSING`` after the reason has been reported."""
        if value is MISSING:
            return MISSING
        try:
            return read(value, self)
        except ValueError as error:
            self.problem(str(error))
        except ConfigError as error:
            for problem in error.problems:
                self.problem(problem)
        return MISSING

    def load(self, path: str) -> LoadedFile:
        """The content of the file at ``path``; raises ``ConfigError`` if it cannot be read."""
        return LoadedFile(self.folder / path, load_file(self.folder / path))

    def expand(self, value: Any, environ: Mapping[str, str]) -> Any:
        """``value`` with the macros in it filled in, at any depth; one that fails is reported."""
        if isinstance(value, dict):
            return {key: self.at(key).expand(item, environ) for key, item in value.items()}
        if isinstance(value, list):
            return [self.at(index).expand(item, environ) for index, item in enumerate(value)]
        if isinstance(value, str):
            return self.read(lambda text, place: expand(text, place.folder, environ), value)
        return value
