"""Tests of the rule that an unmet need is a skip on a developer's machine and a failure in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFTEST = "from tests.conftest import pytest_make_collect_report, pytest_runtest_makereport\n"
UNMET = {
    "require": "from tests.conftest import require\ndef test_it():\n    require(False, 'a bridge')\n",
    "test": "import pytest\ndef test_it():\n    pytest.skip('needs a bridge')\n",
    "skipif": "import pytest\n@pytest.mark.skipif(True, reason='needs a bridge')\ndef test_it():\n    pass\n",
    "module": "import pytest\npytest.skip('needs a bridge', allow_module_level=True)\n",
    "fixture": (
        "import pytest\n@pytest.fixture\ndef bridge():\n    pytest.skip('needs a bridge')\n"
        "def test_it(bridge):\n    pass\n"
    ),
}
MET = (
    "import pytest\nfrom tests.conftest import require\n"
    "def test_choice():\n    pytest.skip('not on this platform')\n"
    "def test_met():\n    require(True, 'nothing')\n"
)


def run_pytest(folder: Path, sources: dict[str, str], *, ci: str | None) -> tuple[int, str]:
    """Exit code and last line of pytest on files of ``sources`` beside this project's hooks."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, source in sources.items():
        (folder / f"test_{name}.py").write_text(source)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment |= {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment |= {"CI": ci} if ci is not None else {}
    command = [sys.executable, "-m", "pytest", "-q", "--continue-on-collection-errors", str(folder)]
    command += ["-p", "no:cacheprovider"]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return run.returncode, run.stdout


def test_an_unmet_need_is_a_skip_outside_ci(tmp_path: Path) -> None:
    code, printed = run_pytest(tmp_path, UNMET | {"met": MET}, ci=None)
    assert code == 0, printed
    assert "1 passed, 6 skipped" in printed


def test_an_unmet_need_fails_in_ci_however_it_is_said(tmp_path: Path) -> None:
    code, printed = run_pytest(tmp_path, UNMET, ci="true")
    assert code == 1
    assert "2 failed, 3 errors" in printed
    assert printed.count("Skipped, which CI does not allow: needs a bridge") >= len(UNMET)


def test_other_skips_and_met_needs_pass_in_ci(tmp_path: Path) -> None:
    code, printed = run_pytest(tmp_path, {"met": MET}, ci="true")
    assert code == 0, printed
    assert "1 passed, 1 skipped" in printed
