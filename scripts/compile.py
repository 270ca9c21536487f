"""Makes the compiled build for this Python (``deepstream_project/compiled.py``), for ``scripts/compile``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["DEEPSTREAM_COMPILED"] = "0"

from deepstream_project.compiled import BUILDS, MODULES, SWITCH, folder, source_of  # noqa: E402

FLAGS = ["--config-file=", "--python-version=3.11", "--follow-imports=silent", "--ignore-missing-imports"]
"""For mypy, which checks before mypyc compiles: no plug-ins, and nothing about other people's modules."""


def compile_into(target: Path, scratch: Path) -> None:
    """Put the compiled modules into ``target``; C files and object files go into ``scratch``."""
    from mypyc.build import mypycify
    from setuptools import setup

    sources = [str(source_of(module).relative_to(ROOT)) for module in MODULES]
    extensions = mypycify(
        [*FLAGS, *sources], opt_level="3", debug_level="0", group_name="deepstream", target_dir=str(scratch)
    )
    command = ["--quiet", "build_ext", f"--build-lib={target}", f"--build-temp={scratch}"]
    setup(name="deepstream-compiled", packages=[], py_modules=[], ext_modules=extensions, script_args=command)


def check() -> None:
    """Start a Python that uses the build, and import all of it."""
    imports = "; ".join(f"import {module}" for module in MODULES)
    program = f"import django; django.setup(); {imports}"
    environment = os.environ | {SWITCH: "1", "DJANGO_SETTINGS_MODULE": "deepstream_project.settings"}
    environment.setdefault("INSECURE_HTTP", "1")
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, check=True)


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
    print(f"Compiling {len(MODULES)} modules, which takes about a minute", flush=True)
    began = time.monotonic()
    BUILDS.mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(dir=BUILDS.parent, prefix="compiling-") as scratch:
        target = Path(scratch) / "modules"
        compile_into(target, Path(scratch) / "objects")
        for old in BUILDS.iterdir():
            shutil.rmtree(old)
        target.rename(build)
    try:
        check()
    except BaseException:
        shutil.rmtree(build)
        raise
    print(f"Done in {time.monotonic() - began:.0f} s: the server uses it from its next start on")


if __name__ == "__main__":
    main()
