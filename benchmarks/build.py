"""The compiled build of this server, made where it is missing."""

from __future__ import annotations

import subprocess
import sys

from deepstream_project.compiled import ROOT, folder


class NotCompilable(Exception):
    """There is no compiled build, and none can be made; the text says why."""


def make_build() -> None:
    """Have a build of this code in place. Raises ``NotCompilable``."""
    if folder().is_dir():
        return
    print("Making the compiled build, which takes one to two minutes", file=sys.stderr, flush=True)
    done = subprocess.run(["scripts/compile"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not folder().is_dir():
        raise NotCompilable(f"scripts/compile failed:\n{done.stdout}{done.stderr}")
