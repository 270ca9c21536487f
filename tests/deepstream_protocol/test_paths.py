"""Paths into records: what the official client makes of them, and what is refused."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepstream_protocol.paths import PathError, erase_path, set_path, tokenize
from tests.conftest import require

NODE_FOLDER = Path(__file__).resolve().parent.parent / "node"
JSON_PATH = NODE_FOLDER / "node_modules/@deepstream/client/dist/src/record/json-path.js"


@pytest.mark.parametrize(
    ("path", "tokens"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ("a[0]", ("a", 0)),
        ("a[0][12].b", ("a", 0, 12, "b")),
        ("[0]", ("", 0)),
        ("a.[0]", ("a", "", 0)),
        (" a . b c [1] ", ("a", "b c ", 1)),
        ("\ufeffa\u00a0", ("a",)),
        ("\x1ca", ("\x1ca",)),
        ("a..b.", ("a", "b")),
        ("a[]", ("a",)),
        ("a[ ]", ("a", 0)),
        ("a[ 2 ]", ("a", 2)),
        ("a[02]", ("a", 2)),
        ("a[+2]", ("a", 2)),
        ("a[-0]", ("a", 0)),
        ("a[1e2]", ("a", 100)),
        ("a[0x1F]", ("a", 31)),
        ("a]1", ("a", 1)),
        ("a[1", ("a", 1)),
        ("a[1.5]", ("a", 1, "5")),
        ("5", ("5",)),
    ],
)
def test_a_path_is_read_as_the_official_client_reads_it(path: str, tokens: tuple[str | int, ...]) -> None:
    assert tokenize(path) == tokens


@pytest.mark.parametrize("path", ["", " ", ".", " . .. "])
def test_an_empty_path_is_refused(path: str) -> None:
    with pytest.raises(PathError, match="empty"):
        tokenize(path)


@pytest.mark.parametrize("key", ["__proto__", "constructor", "prototype"])
@pytest.mark.parametrize("form", ["{}", "a.{}", "{}.a", "a. {} ", "{}[0]", "a[0].{}.b"])
def test_keys_that_reach_into_prototypes_are_refused(key: str, form: str) -> None:
    with pytest.raises(PathError, match=key):
        tokenize(form.format(key))


@pytest.mark.parametrize(
    "text", ["x", "-1", "1e-1", "1 2", "Infinity", "NaN", "0x", "1_0", "٣", "4294967295", "1e99", "9" * 400]
)
def test_what_is_no_index_is_refused_in_brackets(text: str) -> None:
    with pytest.raises(PathError, match="no index"):
        tokenize(f"a[{text}]")


def test_text_behind_a_bracket_is_no_index() -> None:
    with pytest.raises(PathError, match="no index"):
        tokenize("a[1]b")


def test_a_path_may_have_256_steps_and_no_more() -> None:
    assert len(tokenize(".".join("a" * 256))) == 256
    for path in (".".join("a" * 257), "a" + "[0]" * 256):
        with pytest.raises(PathError, match="256"):
            tokenize(path)


def test_a_path_that_no_one_would_write_is_refused_before_it_is_read() -> None:
    with pytest.raises(PathError, match="characters"):
        tokenize("a." * 500_000)


@pytest.mark.parametrize(
    ("root", "path", "value", "expected"),
    [
        ({"a": 1}, "b", 2, {"a": 1, "b": 2}),
        ({}, "a.b", 2, {"a": {"b": 2}}),
        ({}, "a[2].b", 2, {"a": [None, None, {"b": 2}]}),
        ({"a": 1}, "[0]", 5, {"a": 1, "": [5]}),
        ({"a": None}, "a.b", 5, {"a": {"b": 5}}),
        ({"a": "text"}, "a[1]", 5, {"a": [None, 5]}),
        ({"a": {}}, "a[1]", 5, {"a": {"1": 5}}),
        ({"a": [1]}, "a.3", 5, {"a": [1, None, None, 5]}),
        ({"a": [1]}, "a.0.b", 5, {"a": [{"b": 5}]}),
        ({"a": [1]}, "a.03", 5, {"a": [1]}),
        ({"a": [1]}, "a.4294967295", 5, {"a": [1]}),
        ({"a": [1]}, "a.x.y", 5, {"a": [1]}),
        ({"a": [1, 2, 3]}, "a.length", 1, {"a": [1]}),
        ({"a": [1]}, "a.length", 2.0, {"a": [1, None]}),
        ({"a": {}}, "a.length", "long", {"a": {"length": "long"}}),
        ([1, 2], "[0]", 5, [1, 2]),
        ([1, 2], "0", 5, [5, 2]),
        ({"a": 1}, "a", None, {"a": None}),
    ],
)
def test_setting_does_what_the_official_client_does(root: Any, path: str, value: Any, expected: Any) -> None:
    assert set_path(root, path, value) == expected


@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [
        ({"a": 1, "b": 2}, "b", {"a": 1}),
        ({"a": 1}, "b", {"a": 1}),
        ({"a": [1, 2, 3]}, "a[1]", {"a": [1, None, 3]}),
        ({"a": [1, 2]}, "a[1]", {"a": [1, None]}),
        ({"a": [1]}, "a[900000]", {"a": [1]}),
        ({"a": {"1": 1}}, "a[1]", {"a": {}}),
        ({}, "a.b.c", {"a": {"b": {}}}),
        ({}, "a[2]", {"a": [None, None]}),
        ({"a": [1]}, "a.x", {"a": [1]}),
    ],
)
def test_erasing_does_what_the_official_client_does(root: Any, path: str, expected: Any) -> None:
    assert erase_path(root, path) == expected


@pytest.mark.parametrize("value", [-1, 1.5, "1", None, True, [], {}, 2**32])
def test_the_length_of_an_array_cannot_be_set_to_what_is_none(value: Any) -> None:
    with pytest.raises(PathError, match="length"):
        set_path({"a": [1]}, "a.length", value)


def test_the_length_of_an_array_cannot_be_taken_away_or_walked_through() -> None:
    with pytest.raises(PathError, match="length"):
        erase_path({"a": [1]}, "a.length")
    for path in ("a.length.b", "a.length[0]"):
        with pytest.raises(PathError, match="length"):
            set_path({"a": [1]}, path, 1)


@pytest.mark.parametrize("root", [None, 5, "text", True])
def test_a_root_that_is_neither_object_nor_array_is_refused(root: Any) -> None:
    with pytest.raises(PathError):
        set_path(root, "a", 1)


@pytest.mark.parametrize(
    "write", [lambda root, path: set_path(root, path, 1), erase_path], ids=["set", "erase"]
)
def test_a_write_may_fill_gaps_with_100000_nulls_and_no_more(write: Callable[[Any, str], Any]) -> None:
    assert len(write({}, "a[100000].b")["a"]) == 100_001
    assert len(write({"a": [1]}, "a[100001].b")["a"]) == 100_002
    for path in ("a[100001].b", "a[60000].b[60000].c", "a" + "[999]" * 200, "a[4294967294].b"):
        with pytest.raises(PathError, match="100000 nulls"):
            write({}, path)


def test_the_last_step_of_a_path_may_not_open_a_larger_gap_either() -> None:
    assert len(set_path({"a": [1]}, "a[100001]", 1)["a"]) == 100_002
    for path, value in (("a[100002]", 1), ("a.100002", 1), ("a.length", 100_002)):
        with pytest.raises(PathError, match="100000 nulls"):
            set_path({"a": [1]}, path, value)


# Against the official client

KEYS = st.sampled_from(
    ["a", "b", "c", "0", "1", "2", "01", "length", "push", "toString", "", "é", "-1", "1e1", " "]
)
INDICES = st.sampled_from(
    ["0", "1", "2", "3", "7", " 1", "01", "0x2", "1e1", "+1", "", " ", "-1", "x", "1.5"]
)
SCALARS = st.none() | st.booleans() | st.integers(-3, 5) | st.sampled_from(["", "a", "0", 1.5])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
ROOTS = st.lists(VALUES, max_size=3) | st.dictionaries(KEYS, VALUES, max_size=4)
PARTS = st.builds(
    lambda key, indices: key + "".join(f"[{index}]" for index in indices), KEYS, st.lists(INDICES, max_size=2)
)
PATHS = st.lists(PARTS, min_size=1, max_size=4).map(".".join) | st.text(
    "ab01[]. \t\u00a0\u180e\x1f", max_size=8
)

ORACLE = """
const { setValue } = require(process.argv[1])
let text = ''
process.stdin.on('data', chunk => text += chunk).on('end', () => {
  const results = JSON.parse(text).map(([root, path, write]) => {
    try {
      return JSON.stringify(setValue(root, path, write === null ? undefined : write.value))
    } catch (error) { return null }
  })
  process.stdout.write(JSON.stringify(results))
})
"""

Case = tuple[Any, str, dict[str, Any] | None]


def official(cases: list[Case]) -> list[str | None]:
    """What the official client makes of each case, as JSON text; None where it throws."""
    node = shutil.which("node")
    require(node, "needs Node")
    require(JSON_PATH.exists(), "needs npm packages: npm ci in tests/node")
    run = subprocess.run(
        [str(node), "-e", ORACLE, str(JSON_PATH)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
    )
    results: list[str | None] = json.loads(run.stdout)
    return results


def ours(root: Any, path: str, write: dict[str, Any] | None) -> Any:
    return erase_path(root, path) if write is None else set_path(root, path, write["value"])


def ours_or_refusal(case: Case) -> tuple[Any, str]:
    """The new root and nothing, or nothing and why there is none."""
    try:
        return ours(*case), ""
    except PathError as error:
        return None, str(error)


REFUSALS = ("is no index", "an empty path", "a length that is none", "cannot be taken away")
"""The reasons for which a server refuses here what the client does."""


CASE = st.tuples(ROOTS, PATHS, st.none() | st.fixed_dictionaries({"value": VALUES}))


def generated(count: int) -> list[Case]:
    cases: list[Case] = []

    @settings(deadline=None, max_examples=count, database=None)
    @given(case=CASE)
    def collect(case: Case) -> None:
        cases.append(case)

    collect()
    return cases


@pytest.mark.node
def test_thousands_of_random_writes_come_out_as_in_the_official_client() -> None:
    """Equal as JSON; or refused, by both or for one of the reasons that the server has."""
    cases = generated(4000)
    written = 0
    for case, expected in zip(cases, official(cases), strict=True):
        result, refusal = ours_or_refusal(case)
        if refusal:
            assert expected is None or any(reason in refusal for reason in REFUSALS), (case, refusal)
        else:
            assert expected is not None, case
            assert json.dumps(result, sort_keys=True) == json.dumps(json.loads(expected), sort_keys=True), (
                case
            )
            written += 1
    assert written > len(cases) / 3


@settings(deadline=None)
@given(case=CASE)
def test_the_old_root_stays_as_it_was(case: Case) -> None:
    before = copy.deepcopy(case[0])
    result, _ = ours_or_refusal(case)
    assert case[0] == before
    assert result is not case[0]


def test_what_does_not_change_is_shared() -> None:
    root = {"a": {"b": {"c": 1}}, "other": {"x": [1]}}
    new_root = set_path(root, "a.b.c", 2)
    assert new_root == {"a": {"b": {"c": 2}}, "other": {"x": [1]}}
    assert new_root["other"] is root["other"]
    assert new_root["a"] is not root["a"]
