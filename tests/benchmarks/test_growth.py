"""Curves: how steep they are, how they are drawn, and where they are put."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.curves import CURVES, exponents, steep_steps
from benchmarks.document import NoPlace, replace_section
from benchmarks.figures import Figures
from benchmarks.growth import COMMAND, Grown, main
from benchmarks.plot import Panel, short, svg
from benchmarks.process import RESOLUTION
from benchmarks.rounds import rotated
from benchmarks.target import TARGETS

SVG = "{http://www.w3.org/2000/svg}"


def test_the_exponent_tells_how_a_cost_grows() -> None:
    xs = [1, 10, 100, 1000]
    assert exponents(xs, [5.0, 5.0, 50.0, 5000.0]) == pytest.approx([0, 1, 2])


def test_what_is_too_cheap_to_be_measured_costs_the_least_that_is_measured() -> None:
    nothing = Figures(operations=100, seconds=0.1, server_cpu=0.0, generator_cpu=0.1)
    grown = Grown(CURVES[-1], [[nothing]] * len(CURVES[-1].xs))
    assert grown.costs == pytest.approx([RESOLUTION / 100 * 1e6] * len(grown.costs))
    assert grown.steep == []


def test_steps_worse_than_linear_are_told() -> None:
    curve = CURVES[0]
    linear = [float(x) for x in curve.xs]
    assert steep_steps(curve, linear) == []
    (steep,) = steep_steps(curve, [*linear[:-1], linear[-1] * 4])
    assert "from 1,000 to 5,000 subscribers like x^1.86" in steep


def test_a_picture_has_a_point_for_each_measurement_and_marks_the_steep_ones() -> None:
    panel = Panel("a < b", "things", "µs", [1, 10, 100], [2.0, 3.0, 900.0], frozenset({2}))
    picture = ElementTree.fromstring(svg([panel, panel, panel]))
    circles = list(picture.iter(f"{SVG}circle"))
    assert len(circles) == 9
    assert [circle.get("class") for circle in circles[:3]] == [None, None, "steep"]
    heights = [float(circle.get("cy") or 0) for circle in circles[:3]]
    assert heights == sorted(heights, reverse=True)
    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"a < b", "things", "µs", "100", "900"} <= set(texts)


@pytest.mark.parametrize(
    ("value", "text"), [(0.523, "0.523"), (17.36, "17.4"), (5000, "5k"), (262_144, "262k"), (1e6, "1M")]
)
def test_numbers_in_a_picture_are_short(value: float, text: str) -> None:
    assert short(value) == text


def test_a_section_of_a_document_is_replaced_and_all_else_stays(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text("first\n<!-- begin: x -->\nold\n<!-- end: x -->\nlast\n")
    replace_section(document, "x", "new\n")
    replace_section(document, "x", "newer\n")
    assert document.read_text() == "first\n<!-- begin: x -->\n\nnewer\n\n<!-- end: x -->\nlast\n"


def test_a_document_without_a_place_is_left_alone_and_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text("<!-- begin: y -->")
    with pytest.raises(NoPlace, match="<!-- begin: x -->\n<!-- end: x -->"):
        replace_section(document, "x", "new")
    assert document.read_text() == "<!-- begin: y -->"


def test_every_target_is_first_once_when_there_are_as_many_rounds_as_targets() -> None:
    targets = list(TARGETS.values())
    firsts = [rotated(targets, round_)[0] for round_ in range(len(targets))]
    assert firsts == targets
    assert all(len(set(rotated(targets, round_))) == len(targets) for round_ in range(7))


def test_the_command_measures_every_point_of_a_curve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, picture, document = (tmp_path / name for name in ("growth.json", "growth.svg", "growth.md"))
    document.write_text(f"<!-- begin: {COMMAND} --><!-- end: {COMMAND} -->")
    curve = "a call, its name known"
    timing = ["--rounds", "1", "--seconds", "0.1", "--warm-up", "0.05"]
    kept = ["--json", str(report), "--svg", str(picture), "--markdown", str(document)]
    main(["--curve", curve, *timing, *kept])
    (measured,) = json.loads(report.read_text())["curves"]
    assert (measured["xs"], measured["faults"]) == ([1, 10, 100, 1000], 0)
    assert all(cost > 0 for cost in measured["costs"])
    assert ElementTree.parse(picture).getroot().tag == f"{SVG}svg"
    assert "Worse than linear:" in capsys.readouterr().out
    assert "| a call, its name known | µs a call | rules | 1: " in document.read_text()
