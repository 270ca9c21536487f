"""Curves as an SVG picture: both axes logarithmic, a dotted line for what would be linear."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 420, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 44, 46
COLUMNS = 2

_STYLE = """
text { font: 11px sans-serif; fill: #333 } .title { font-weight: bold; font-size: 13px }
.grid { stroke: #ddd } .axis { stroke: #888 } .curve { stroke: #1565c0; stroke-width: 2; fill: none }
.linear { stroke: #999; stroke-dasharray: 2 4; fill: none }
circle { fill: #1565c0 } circle.steep { fill: #c62828 }
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve; ``steep`` are the indexes of the points that a step worse than linear leads to."""

    title: str
    x_label: str
    y_label: str
    xs: Sequence[int]
    ys: Sequence[float]
    steep: frozenset[int] = frozenset()


class _Axis:
    """A logarithmic scale from values to pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._span = math.log10(low), max(math.log10(high / low), 1e-9)
        self._start, self._length = start, end - start

    def __call__(self, value: float) -> float:
        return round(self._start + (math.log10(value) - self._low) / self._span * self._length, 1)


def svg(panels: Sequence[Panel]) -> str:
    """The picture of all panels."""
    rows = -(-len(panels) // COLUMNS)
    width, height = COLUMNS * WIDTH, rows * HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for index, panel in enumerate(panels):
        row, column = divmod(index, COLUMNS)
        parts.append(f'<g transform="translate({column * WIDTH} {row * HEIGHT})">')
        parts += _panel(panel)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel) -> Iterator[str]:
    floor, ceiling = _decades(panel.ys)
    x = _Axis(panel.xs[0], panel.xs[-1], LEFT, WIDTH - RIGHT)
    y = _Axis(floor, ceiling, HEIGHT - BOTTOM, TOP)
    yield _text(LEFT, 18, panel.title, "start", "title")
    yield _text(LEFT, 34, panel.y_label, "start")
    yield from _grid(panel, x, y, floor, ceiling)
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, panel.x_label)
    end = min(panel.xs[-1], panel.xs[0] * ceiling / panel.ys[0])
    linear = [(panel.xs[0], panel.ys[0]), (end, panel.ys[0] * end / panel.xs[0])]
    yield f'<polyline class="linear" points="{_points(linear, x, y)}"/>'
    curve = list(zip(panel.xs, panel.ys, strict=True))
    yield f'<polyline class="curve" points="{_points(curve, x, y)}"/>'
    for index, (at, value) in enumerate(curve):
        steep = ' class="steep"' if index in panel.steep else ""
        yield f'<circle{steep} cx="{x(at)}" cy="{y(value)}" r="3"/>'
        yield _text(x(at), y(value) - 7, short(value))


def _grid(panel: Panel, x: _Axis, y: _Axis, floor: float, ceiling: float) -> Iterator[str]:
    for step in range(round(math.log10(ceiling / floor)) + 1):
        level = floor * 10**step
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(level)}" y2="{y(level)}"/>'
        yield _text(LEFT - 6, y(level) + 4, short(level), "end")
    for at in panel.xs:
        bottom = HEIGHT - BOTTOM
        yield f'<line class="axis" x1="{x(at)}" x2="{x(at)}" y1="{bottom}" y2="{bottom + 4}"/>'
        yield _text(x(at), bottom + 17, short(at))


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """The powers of ten around ``values``, at least one decade apart."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return 10.0**low, 10.0 ** max(high, low + 1)


def _points(points: Sequence[tuple[float, float]], x: _Axis, y: _Axis) -> str:
    return " ".join(f"{x(at)},{y(value)}" for at, value in points)


def _text(x: float, y: float, text: str, anchor: str = "middle", style: str = "") -> str:
    klass = f' class="{style}"' if style else ""
    return f'<text{klass} x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def short(value: float) -> str:
    """A number with at most three digits."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
