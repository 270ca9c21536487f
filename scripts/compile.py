"""``python -m scripts.compile``: makes the build that ``deepstream_project/compiled.py`` looks for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from deepstream_project.compiled import BUILDS, MODULES, ROOT, SWITCH, folder, source_of

FLAGS = ["--config-file=", "--python-version=3.11", "--follow-imports=silent", "--ignore-missing-imports"]
"""For mypy, which checks before mypyc compiles: no plug-ins, and nothing about other people's modules."""

OPTIMIZATION = "1"
"""Of the C compiler; 3 takes half as long again and saves one instruction in a hundred."""


def compile_into(target: Path, scratch: Path) -> None:
    """Put the compiled modules into ``target``; C files and object files go into ``scratch``."""
    from mypyc.build import mypycify
    from setuptools import setup

    sources = [str(source_of(module).relative_to(ROOT)) for module in MODULES]
    extensions = mypycify(
        [*FLAGS, *sources],
        opt_level=OPTIMIZATION,
        debug_level="0",
        group_name="deepstream",
        target_dir=str(scratch),
    )
    command = ["--quiet", "build_ext", f"--build-lib={target}", f"--build-temp={scratch}"]
    command.append(f"--parallel={os.cpu_count() or 1}")
    setup(name="deepstream-compiled", packages=[], py_modules=[], ext_modules=extensions, script_args=command)


def check(build: Path) -> None:
    """Import all of ``build`` in a Python of its own, before any server can find it."""
    adopt = f"import deepstream_project.compiled as it, pathlib; it.adopt(pathlib.Path({str(build)!r}))"
    program = "; ".join([adopt, *(f"import {module}" for module in MODULES)])
    environment = os.environ | {SWITCH: "0"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, check=False)
    if done.returncode != 0:
        sys.exit("compile: what was compiled cannot be imported (the error is above); the code runs as it is")


def problem() -> str | None:
    """Why nothing can be compiled here, None if it can."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    if shutil.which(compiler) is None:
        return f"needs a C compiler, {compiler} (Debian and Ubuntu: apt-get install gcc)"
    if not headers.exists():
        return f"needs the headers of this Python, {headers} (Debian and Ubuntu: apt-get install python3-dev)"
    return None


def main() -> None:
    build = folder()
    if build.is_dir():
        print(f"Up to date: {build.relative_to(ROOT)}")
        return
    if trouble := problem():
        sys.exit(f"compile: {trouble}")
    print(f"Compiling {len(MODULES)} modules, which takes one to two minutes", flush=True)
    began = time.monotonic()
    BUILDS.mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(dir=BUILDS.parent, prefix="compiling-") as scratch:
        target = Path(scratch) / "modules"
        compile_into(target, Path(scratch) / "objects")
        check(target)
        for old in BUILDS.iterdir():
            shutil.rmtree(old)
        target.rename(build)
    print(f"Done in {time.monotonic() - began:.0f} s: the server uses it from its next start on")


if __name__ == "__main__":
    main()
