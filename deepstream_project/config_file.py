"""Finding the configuration file, and filling in the macros of its values.

CONFIG.md: ``${NAME}`` is an environment variable, ``file(PATH)`` a path relative to the file's folder,
``fileLoad(PATH)`` that file's content, parsed when it is YAML or JSON.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepstream_project.config_document import ConfigError, read_document, read_text

FOLDERS = (Path("/etc/deepstream/conf"), Path("conf"))
"""Where a configuration is looked for when none is named (CONFIG.md)."""

NAMED = "DEEPSTREAM_CONFIG"
"""The environment variable that names the file, or a folder with one, as ``-c`` does."""

NAMES = ("config.yml", "config.yaml", "config.json")

_PARSED = (".yml", ".yaml", ".json")
_VARIABLE = re.compile(r"\$\{\s*(?P<name>[^}:\s]+)\s*(?P<default>:-[^}]*)?\}")
_MACRO = re.compile(r"\s*(?P<macro>file|fileLoad)\(\s*(?P<path>.+?)\s*\)\s*")


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """The content of a file, and its path to load it again; ``None`` if it was written in place."""

    path: Path | None
    content: Any


def find_config(
    path: Path | None, environ: Mapping[str, str], folders: tuple[Path, ...] = FOLDERS
) -> Path | None:
    """The file to read: ``path`` or what is in it, else the first in the order of CONFIG.md.

    ``DEEPSTREAM_CONFIG`` in the environment stands for ``path`` where that is not given. A folder that was
    asked for and has no configuration is a ``ConfigError``; when nothing was asked for, none in the usual
    folders is ``None``.
    """
    origin = ""
    if path is None and (named := environ.get(NAMED)):
        path, origin = Path(named), f", which {NAMED} names"
    if path and not path.is_dir():
        return path
    if path is None and (named := environ.get("DEEPSTREAM_CONFIG_DIRECTORY")):
        path, origin = Path(named), ", which DEEPSTREAM_CONFIG_DIRECTORY names"
    if path:
        for file in _configs_in(path):
            return file
        raise ConfigError(
            f"{path}: there is no {', '.join(NAMES[:-1])} or {NAMES[-1]} in this folder{origin}"
        )
    return next((file for folder in folders for file in _configs_in(folder)), None)


def name_config(arguments: Sequence[str], environ: MutableMapping[str, str]) -> None:
    """Put the file that ``-c`` or ``--config`` names among ``arguments`` into ``environ``.

    For programs whose Django settings, which read the file too, are loaded before their flags are parsed.
    """
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("-c", "--config")
    try:
        found = parser.parse_known_args(arguments)[0].config
    except argparse.ArgumentError:
        return  # the program's own parser says what is wrong with the flag
    if found:
        environ[NAMED] = found


def _configs_in(folder: Path) -> Iterator[Path]:
    return (folder / name for name in NAMES if (folder / name).is_file())


def load_file(path: Path) -> Any:
    """A file's content as ``fileLoad`` gives it: parsed if it is YAML or JSON, else its text.

    Also how permissions and users are read again while the server runs. Raises ``ConfigError``.
    """
    return read_document(path).values if path.suffix.lower() in _PARSED else read_text(path)


def expand(value: str, folder: Path, environ: Mapping[str, str]) -> str | LoadedFile:
    """``value`` with its variables filled in and its file macro, if it is one, followed.

    Raises ``ValueError`` for a variable that is not set, and ``ConfigError`` for a file that cannot be read.
    """
    filled = _VARIABLE.sub(lambda match: _variable(match, environ), value)
    match = _MACRO.fullmatch(filled)
    if match is None:
        return filled
    path = folder / match["path"]
    return str(path) if match["macro"] == "file" else LoadedFile(path, load_file(path))


def _variable(match: re.Match[str], environ: Mapping[str, str]) -> str:
    """The variable's value; ``${NAME:-default}`` as in a shell: the default also replaces an empty value."""
    value = environ.get(match["name"])
    if match["default"] is not None:
        return value or str(match["default"])[2:]
    if value is None:
        raise ValueError(f"the environment variable {match['name']} is not set")
    return value
