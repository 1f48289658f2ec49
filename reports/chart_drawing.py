"""Draws the pictures of a report: `python -m reports.chart_drawing`, charts on standard input as
JSON, PNGs on standard output as JSON (name -> base64). Only in a process of its own: Pillow stays
out of the daemon.

Rule: a picture lies on nothing (its ground is transparent) and its colours keep 3:1 against white
and against the dark card (WCAG 2.1, 1.4.11), so that it reads in either; it is twice as fine as it
is shown, for fine screens.
"""

from __future__ import annotations

import base64
import io
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from PIL import Image, ImageDraw, ImageFont

# In CSS pixels; it is shown as wide as its column.
WIDTH, HEIGHT = 480, 168
# Twice as fine for screens of double density, and drawn at twice that again: Pillow's shapes have
# hard edges.
_FINE, _SMOOTH = 2, 2
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 6, 28, 22
_COLOURS = ("#3f83e6", "#c97c0c", "#2f9e63", "#a561d6")
_MARKED, _INK, _GRID = "#e5484d", "#748092", (116, 128, 146, 70)
_BARS = (63, 131, 230, 215)
_TEXT_SIZE = 12
# A picture with a palette is a fraction of one in true colour; 128 entries keep the blended edges
# smooth.
_MOST_COLOURS = 128


def main() -> int:
    """Draw everything that was asked for."""
    charts = json.load(sys.stdin)
    sys.stdout.write(
        json.dumps({chart["name"]: base64.b64encode(drawn(chart)).decode() for chart in charts})
    )
    return 0


def drawn(chart: Mapping[str, Any]) -> bytes:
    """One picture, as PNG."""
    frame = _Frame(chart)
    shapes = Image.new("RGBA", (WIDTH * _FINE * _SMOOTH, HEIGHT * _FINE * _SMOOTH))
    _Shapes(ImageDraw.Draw(shapes), frame).draw()
    # BOX is the plain mean of each two by two pixels, which is the whole of the smoothing.
    picture = shapes.resize((WIDTH * _FINE, HEIGHT * _FINE), Image.Resampling.BOX)
    _Words(ImageDraw.Draw(picture), frame).draw()
    written = io.BytesIO()
    # Of Pillow's own methods only this one keeps the transparent ground.
    picture.quantize(_MOST_COLOURS, method=Image.Quantize.FASTOCTREE).save(
        written, "PNG", optimize=True
    )
    return written.getvalue()


class _Frame:
    """Where a value lies in the picture, in CSS pixels."""

    def __init__(self, chart: Mapping[str, Any]) -> None:
        self.chart = chart
        self.labels: Sequence[str] = chart["labels"]
        values = [
            value for series in chart["series"] for value in series["values"] if value is not None
        ]
        if chart["level"] is not None:
            values.append(chart["level"])
        self.low = chart["lowest"] if chart["lowest"] is not None else min(values)
        wanted = chart["highest"] if chart["highest"] is not None else max(values)
        self.step = _step(wanted - self.low)
        self.high = chart["highest"] or self.low + self.step * math.ceil(
            (wanted - self.low) / self.step - 1e-9
        )

    @property
    def slot(self) -> float:
        """The width of one label's place."""
        return (WIDTH - _LEFT - _RIGHT) / max(1, len(self.labels))

    def across(self, at: int) -> float:
        """The middle of a place."""
        return _LEFT + (at + 0.5) * self.slot

    def up(self, value: float) -> float:
        """The height of a value."""
        within: float = min(max(value, self.low), self.high)
        share: float = (within - self.low) / ((self.high - self.low) or 1)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)

    def ticks(self) -> Iterator[float]:
        """The numbers of the axis."""
        # In binary fractions 0.3 / 0.1 falls just short of 3: without the margin the highest tick
        # would be missing.
        count = math.floor((self.high - self.low) / self.step + 1e-9)
        yield from (self.low + self.step * number for number in range(count + 1))


class _Shapes:
    """Grid, bars and lines, at the smoothed scale."""

    def __init__(self, draw: ImageDraw.ImageDraw, frame: _Frame) -> None:
        self._draw, self._frame, self._chart = draw, frame, frame.chart

    def draw(self) -> None:
        """From the ground up."""
        for tick in self._frame.ticks():
            self._line(
                [(_LEFT, self._frame.up(tick)), (WIDTH - _RIGHT, self._frame.up(tick))], _GRID, 1
            )
        for number, series in enumerate(self._chart["series"]):
            colour = _COLOURS[number % len(_COLOURS)]
            if series["style"] == "bars":
                self._bars(series)
            else:
                self._curve(
                    series,
                    colour if series["style"] == "line" else _COLOURS[1],
                    series["style"] == "dashed",
                )
        if self._chart["level"] is not None:
            y = self._frame.up(self._chart["level"])
            self._dashes([(_LEFT, y), (WIDTH - _RIGHT, y)], _MARKED)

    def _bars(self, series: Mapping[str, Any]) -> None:
        half = max(1.0, self._frame.slot * 0.36)
        for at, value in enumerate(series["values"]):
            if value:
                x, ground = self._frame.across(at), self._frame.up(self._frame.low)
                # A value that is not 0 is seen, be it one call among thousands.
                box = [x - half, min(self._frame.up(value), ground - 1), x + half, ground]
                colour = _MARKED if at in series["marked"] else _BARS
                self._draw.rectangle([_scaled(side) for side in box], fill=colour)

    def _curve(self, series: Mapping[str, Any], colour: str, dashed: bool) -> None:
        for run in _runs(series["values"]):
            points = [(self._frame.across(at), self._frame.up(value)) for at, value in run]
            if dashed:
                self._dashes(points, colour)
                continue
            self._line(points, colour, 2)
            # A run of one point has no line, and the few days of a backup are better told apart
            # with their points.
            if len(points) <= 2 or self._frame.slot > 30:
                for x, y in points:
                    self._draw.ellipse(
                        [_scaled(side) for side in (x - 3, y - 3, x + 3, y + 3)], fill=colour
                    )

    def _line(self, points: Sequence[tuple[float, float]], colour: Any, width: float) -> None:
        scaled = [(_scaled(x), _scaled(y)) for x, y in points]
        if len(scaled) > 1:
            self._draw.line(scaled, fill=colour, width=_scaled(width), joint="curve")

    def _dashes(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        for (x, y), (to_x, to_y) in pairwise(points):
            length = math.hypot(to_x - x, to_y - y) or 1.0
            count = max(1, round(length / 8))
            for number in range(count):
                begin, end = number / count, (number + 0.55) / count
                ends = [(x + (to_x - x) * share, y + (to_y - y) * share) for share in (begin, end)]
                self._line(ends, colour, 1.5)


class _Words:
    """The numbers of the axes and what is what, at the final scale."""

    def __init__(self, draw: ImageDraw.ImageDraw, frame: _Frame) -> None:
        self._draw, self._frame, self._chart = draw, frame, frame.chart
        # Pillow's own font: the host need not have any installed.
        self._font = ImageFont.load_default(_TEXT_SIZE * _FINE)

    def draw(self) -> None:
        """Axes, then the legend on top."""
        for tick in self._frame.ticks():
            self._word(_LEFT - 6, self._frame.up(tick), _short(tick), "rm")
        for at in _spread(len(self._frame.labels)):
            self._word(self._frame.across(at), HEIGHT - _BOTTOM + 6, self._frame.labels[at], "mt")
        self._word(4, 6, self._chart["unit"], "lt")
        self._legend()
        if self._chart["level"] is not None:
            text = f"{self._chart['level_name']} {_short(self._chart['level'])}"
            y = self._frame.up(self._chart["level"])
            below = y < _TOP + 14
            self._word(_LEFT + 2, y + (3 if below else -3), text, "lt" if below else "lb", _MARKED)

    def _legend(self) -> None:
        x = float(WIDTH - _RIGHT)
        for number, series in reversed(list(enumerate(self._chart["series"]))):
            name = series["name"] if len(series["name"]) <= 24 else series["name"][:23] + "…"
            colour = (
                _COLOURS[1] if series["style"] == "dashed" else _COLOURS[number % len(_COLOURS)]
            )
            x -= self._draw.textlength(name, self._font) / _FINE
            self._word(x, 6, name, "lt")
            box = (x - 14, 8, x - 5, 14) if series["style"] == "bars" else (x - 18, 10, x - 5, 12)
            self._draw.rectangle([round(side * _FINE) for side in box], fill=colour)
            x -= 30

    def _word(self, x: float, y: float, text: str, anchor: str, colour: str = _INK) -> None:
        self._draw.text((x * _FINE, y * _FINE), text, fill=colour, font=self._font, anchor=anchor)


def _scaled(length: float) -> int:
    return round(length * _FINE * _SMOOTH)


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """Stretches without a gap."""
    run: list[tuple[int, float]] = []
    for at, value in enumerate(values):
        if value is None:
            if run:
                yield run
            run = []
        else:
            run.append((at, value))
    if run:
        yield run


def _step(length: float) -> float:
    """A round number that divides a length into three to five."""
    rough = (length or 1.0) / 4
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * share for share in (1, 2, 2.5, 5, 10) if size * share >= rough * 0.999)


def _spread(count: int) -> range:
    """Which labels there is room for."""
    return range(0, count, max(1, math.ceil(count / 8)))


def _short(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1000:.0f}k"
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
