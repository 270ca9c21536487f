"""The npm reference server, installed where the tests with official clients have it as well."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

from tests.servers import NODE_FOLDER

PACKAGE = "@deepstream/server"
_INSTALL = ("npm", "ci", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


class NotInstallable(Exception):
    """The reference server is not here and cannot be fetched; the text says what to do."""


def wanted_version() -> str:
    """The version that ``tests/node/package.json`` asks for."""
    return str(json.loads((NODE_FOLDER / "package.json").read_text())["devDependencies"][PACKAGE])


def installed_version() -> str | None:
    """The version that is there, None if there is none or its ``uws`` service would not start."""
    modules = NODE_FOLDER / "node_modules"
    package = modules / PACKAGE / "package.json"
    if not package.exists() or not (modules / "uWebSockets.js").exists():
        return None
    return str(json.loads(package.read_text())["version"])


def install_reference() -> None:
    """Have the wanted version in place, both its ``ws`` and its ``uws`` service (an npm override).

    Raises ``NotInstallable``.
    """
    if installed_version() == wanted_version():
        return
    if shutil.which("npm") is None:
        raise NotInstallable(
            "needs Node.js 18 or later with npm (Debian and Ubuntu: apt-get install nodejs npm)"
        )
    print(f"Installing {PACKAGE} {wanted_version()} in {NODE_FOLDER}", file=sys.stderr, flush=True)
    done = subprocess.run(_INSTALL, cwd=NODE_FOLDER, capture_output=True, text=True, check=False)
    if done.returncode != 0 or installed_version() != wanted_version():
        raise NotInstallable(f"npm ci in {NODE_FOLDER} failed:\n{done.stdout}{done.stderr}")
