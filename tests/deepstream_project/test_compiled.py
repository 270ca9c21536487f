"""The compiled build: when it is used, and that it does what its source does."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deepstream_project import compiled
from deepstream_project.compiled import ROOT, SWITCH
from scripts.compile import problem
from tests.conftest import require

pytestmark = [pytest.mark.xdist_group("compiled"), pytest.mark.timeout(600)]

WHERE = """
import deepstream_project, deepstream_protocol.message, rpc.handler
for module in deepstream_protocol.message, rpc.handler:
    print(deepstream_project.IS_COMPILED, module.__file__)
"""

SAME_TESTS = (
    "tests/deepstream_protocol/test_binary.py",
    "tests/deepstream_protocol/test_codecs.py",
    "tests/deepstream_protocol/test_paths.py",
    "tests/events",
    "tests/gateway/sockets",
    "tests/gateway/test_caller.py",
    "tests/gateway/test_node.py",
    "tests/gateway/test_session.py",
    "tests/gateway/test_text_session.py",
    "tests/official_client/test_rpc.py",
    "tests/official_client/test_old_client.py",
    "tests/pubsub",
    "tests/records/test_cache.py",
    "tests/records/test_commit.py",
    "tests/records/test_races.py",
    "tests/records/test_reader.py",
    "tests/records/test_reads.py",
    "tests/records/test_store_thread.py",
    "tests/records/test_transition.py",
    "tests/records/test_upserts.py",
    "tests/records/test_writes.py",
    "tests/records/test_writes_refused_by_the_store.py",
    "tests/rpc",
)
"""Those of what is compiled, and two of whole servers with clients of both generations."""

LEFT_OUT = "daphne or autobahn or thousands_of_random_writes"
"""Of them, what goes through nothing that is compiled, and what takes half a minute by itself."""


def python(*arguments: str, switch: str | None) -> subprocess.CompletedProcess[str]:
    """Run it in the project's root, with the environment variable set so, or not at all."""
    environment = {key: value for key, value in os.environ.items() if key != SWITCH}
    if switch is not None:
        environment[SWITCH] = switch
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def build() -> Path:
    """The build of the present sources, made if it is not there, which takes a minute."""
    obstacle = problem()
    require(obstacle is None, obstacle or "")
    made = python("-m", "scripts.compile", switch="0")
    assert made.returncode == 0, made.stdout + made.stderr
    return compiled.folder()


@pytest.mark.usefixtures("no_build")
def test_without_a_build_the_modules_run_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    assert compiled.use() is False


@pytest.mark.usefixtures("no_build")
def test_who_insists_on_a_build_is_told_how_to_make_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    with pytest.raises(SystemExit, match=r"=1, but there is no build .*: run scripts/compile"):
        compiled.use()


def test_another_word_in_the_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "yes")
    with pytest.raises(SystemExit, match="DEEPSTREAM_COMPILED='yes': use 1 or 0"):
        compiled.use()


@pytest.fixture
def no_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "BUILDS", tmp_path)


def test_a_process_that_has_imported_a_module_goes_on_with_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "folder", lambda: tmp_path)
    finders = list(sys.meta_path)
    monkeypatch.delenv(SWITCH, raising=False)
    assert compiled.use() is False
    monkeypatch.setenv(SWITCH, "1")
    with pytest.raises(SystemExit, match="was imported before deepstream_project"):
        compiled.use()
    assert sys.meta_path == finders


def test_a_change_of_any_module_asks_for_another_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = compiled.MODULES + compiled.IMPORTED
    for module in modules:
        copy = tmp_path / f"{module}.py"
        copy.write_bytes(compiled.source_of(module).read_bytes())
    monkeypatch.setattr(compiled, "source_of", lambda module: tmp_path / f"{module}.py")
    folders = {compiled.folder()}
    for module in modules:
        with (tmp_path / f"{module}.py").open("a") as file:
            file.write("\n")
        folders.add(compiled.folder())
    assert len(folders) == 1 + len(modules)


def imports_of(module: str) -> set[str]:
    """The modules of the project that ``module`` imports, or imports from."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(compiled.source_of(module).read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".")[: -node.level] if node.level else []
            origin = ".".join([*package, *filter(None, [node.module])])
            found.update([origin, *(f"{origin}.{alias.name}" for alias in node.names)])
    return {name for name in found if compiled.source_of(name).exists()}


def test_all_that_the_compiler_goes_by_is_known() -> None:
    found = set().union(*map(imports_of, compiled.MODULES))
    assert sorted(found - set(compiled.MODULES)) == sorted(compiled.IMPORTED)


def test_a_build_is_used_where_it_is_and_left_alone_on_request(build: Path) -> None:
    for switch in (None, "1"):
        done = python("-c", WHERE, switch=switch)
        assert done.stdout.count(f"True {build}") == 2, done
    done = python("-c", WHERE, switch="0")
    assert done.stdout.count(f"False {ROOT}") == 2, done
    assert str(build) not in done.stdout


def test_a_build_that_is_there_is_not_made_again(build: Path) -> None:
    before = build.stat().st_mtime_ns
    assert "Up to date" in python("-m", "scripts.compile", switch="0").stdout
    assert build.stat().st_mtime_ns == before


@pytest.mark.usefixtures("build")
def test_info_says_whether_the_build_is_used() -> None:
    for switch, said in (("1", '"compiled": true'), ("0", '"compiled": false')):
        assert said in python("manage.py", "deepstream", "info", switch=switch).stdout


@pytest.mark.slow
@pytest.mark.node
@pytest.mark.usefixtures("build")
def test_the_build_passes_the_tests_of_its_source() -> None:
    options = ("-q", "-n", "0", "-p", "no:cacheprovider", "-k", f"not ({LEFT_OUT})")
    done = python("-m", "pytest", *options, *SAME_TESTS, switch="1")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
