"""The drawings of a failed call: its messages, what was heard and said, and what was lost. Pure.

Rules: every length is bounded (a far end may send anything); a picture with something missing or
strange draws less and never fails. Positions are percent of the width, heights are in a viewBox of
100.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Any

# A normal call has some 20 messages; a loop of challenges or retransmissions is cut before it fills
# the page.
MOST_STEPS = 120
# Finer than the pixels of a page: more columns make the file larger and the picture no better.
_COLUMNS = 700
# 0 dBm0 is close to the clipping of a G.711 codec (+3.14 dBm0); below -70 there is only the noise
# of its quantising.
_LOUDEST_DBM0, _QUIETEST_DBM0 = 0.0, -70.0
# Three rows of labels fit over a track; beyond that they lie on each other, as they would anyway.
_LANES = 3


@dataclass(frozen=True, slots=True)
class Arrow:
    """One SIP message. `tone` is "request", "progress", "good" or "bad"."""

    seconds: float
    sent: bool
    label: str
    tone: str
    detail: str = ""
    gap: float = 0.0
    """seconds since the message before, where that is long"""


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of time on a track: percent of the width, and what it is. `lane` keeps labels
    apart.
    """

    left: float
    width: float
    kind: str
    name: str
    text: str
    seconds: float
    lane: int = 0


@dataclass(frozen=True, slots=True)
class Wave:
    """One direction: its outline as an SVG path, its level as another, and what was marked
    on it.
    """

    name: str
    outline: str
    level: str
    loudest_dbm0: int | None
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of the call, drawn on one time axis."""

    name: str
    arrows: tuple[Arrow, ...]
    left_out: int
    waves: tuple[Wave, ...]
    losses: tuple[tuple[float, float, float, str], ...]
    """left and width in percent, height 0 to 100, and in words"""
    worst_loss_percent: float
    moments: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    far: str = ""


def legs_of(picture: Mapping[str, Any]) -> tuple[Leg, ...]:
    """Every leg that can be drawn."""
    legs = picture.get("legs")
    if not isinstance(legs, Mapping):
        return ()
    return tuple(_drawable(legs))


def _drawable(legs: Mapping[str, Any]) -> Iterator[Leg]:
    for name, leg in legs.items():
        # What a picture holds was written by another process: a leg that is strange is left out,
        # and the others are drawn.
        with suppress(AttributeError, KeyError, TypeError, ValueError, OverflowError):
            yield _leg(str(name), leg)


def _leg(name: str, leg: Mapping[str, Any]) -> Leg:
    marks = [mark for mark in leg.get("marks", ()) if isinstance(mark, Mapping)]
    axis = _Axis(leg)
    steps = list(leg.get("ladder", ()))
    losses = tuple(_losses(leg.get("losses", ()), axis))
    return Leg(
        name=name,
        arrows=tuple(_arrows(steps[:MOST_STEPS])),
        left_out=max(0, len(steps) - MOST_STEPS),
        waves=tuple(
            _wave(track, leg[track], marks, axis) for track in ("heard", "said") if track in leg
        ),
        losses=losses,
        worst_loss_percent=max((height for _, _, height, _ in losses), default=0.0),
        moments=_spread([_placed(mark, axis) for mark in marks if mark.get("track") == "call"]),
        ticks=axis.ticks(),
        far=str(steps[0].get("far", "")) if steps else "",
    )


class _Axis:
    """Seconds since the INVITE, as percent of the width: from a little before the first sound to
    the last.
    """

    def __init__(self, leg: Mapping[str, Any]) -> None:
        tracks = [leg[name] for name in ("heard", "said") if name in leg]
        begins = [float(track["began"]) for track in tracks]
        ends = [float(track["began"]) + float(track["seconds"]) for track in tracks]
        self.start = min(0.0, *begins) if begins else 0.0
        self.end = max([self.start + 0.5, *ends])

    def at(self, seconds: float) -> float:
        return round(
            min(100.0, max(0.0, 100 * (seconds - self.start) / (self.end - self.start))), 2
        )

    def ticks(self) -> tuple[tuple[float, str], ...]:
        length = self.end - self.start
        # At most eight ticks: their labels do not touch each other, whatever the length of the
        # call.
        step = next(
            (size for size in (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600) if length / size <= 8), 1800
        )
        count = int(self.end // step)
        return tuple(
            (self.at(n * step), f"{n * step:g} s")
            for n in range(count + 1)
            if self.at(n * step) < 96
        )


def _arrows(steps: Sequence[Mapping[str, Any]]) -> Iterator[Arrow]:
    before = None
    for step in steps:
        at, status = float(step.get("at", 0.0)), step.get("status")
        said, method = str(step.get("said", "")), str(step.get("method", ""))
        label = said[:60] if status is not None else _request(said, method)
        sdp = "SDP" if step.get("sdp") else ""
        detail = " · ".join(
            part
            for part in (method if status is not None else "", sdp, str(step.get("reason", "")))
            if part
        )
        # A second without a message is what one looks for: a lost packet repeats after T1 = 500 ms
        # (RFC 3261 section 17.1.1.1).
        gap = at - before if before is not None and at - before >= 1.0 else 0.0
        yield Arrow(at, bool(step.get("sent")), label, _tone(status, method), detail, gap)
        before = at


def _request(said: str, method: str) -> str:
    """The method and the user part of where it goes."""
    words = said.split()
    to = words[1].split(":", 1)[-1].split("@")[0] if len(words) > 1 and "@" in words[1] else ""
    return f"{method} {to}"[:60].strip()


def _tone(status: object, method: str) -> str:
    if not isinstance(status, int):
        return "bad" if method == "CANCEL" else "request"
    # A challenge (RFC 3261 section 22) is no failure: the same request comes again with its answer.
    if status in (401, 407):
        return "progress"
    return "progress" if status < 200 else "good" if status < 300 else "bad"


def _wave(
    name: str, track: Mapping[str, Any], marks: Sequence[Mapping[str, Any]], axis: _Axis
) -> Wave:
    began, seconds = float(track["began"]), float(track["seconds"])
    low, high = [list(track.get(side, ()))[:_COLUMNS] for side in ("low", "high")]
    levels = list(track.get("levels", ()))[:_COLUMNS]
    here = [_placed(mark, axis) for mark in marks if mark.get("track") == name]
    return Wave(
        name=name,
        outline=_outline(low, high, axis.at(began), axis.at(began + seconds)),
        level=_line(levels, axis.at(began), axis.at(began + seconds)),
        loudest_dbm0=max(levels, default=None),
        marks=_spread(here),
    )


def _outline(low: Sequence[float], high: Sequence[float], left: float, right: float) -> str:
    """A closed path around 50; loudness is drawn as its root, so that quiet speech is seen."""
    if not high:
        return ""
    width = (right - left) / max(1, len(high))
    upper = [f"{left + n * width:.2f},{50 - _height(value):.1f}" for n, value in enumerate(high)]
    lower = [f"{left + n * width:.2f},{50 + _height(-value):.1f}" for n, value in enumerate(low)]
    return f"M{' L'.join([*upper, *reversed(lower)])} Z"


def _height(value: float) -> float:
    # Samples are in thousandths of full scale.
    return 48 * sqrt(min(1.0, max(0.0, value / 1000)))


def _line(levels: Sequence[float], left: float, right: float) -> str:
    if not levels:
        return ""
    width = (right - left) / max(1, len(levels))
    span = _LOUDEST_DBM0 - _QUIETEST_DBM0
    heights = [
        100 * (_LOUDEST_DBM0 - min(_LOUDEST_DBM0, max(_QUIETEST_DBM0, level))) / span
        for level in levels
    ]
    return "M" + " L".join(
        f"{left + n * width:.2f},{height:.1f}" for n, height in enumerate(heights)
    )


def _placed(mark: Mapping[str, Any], axis: _Axis) -> Mark:
    left, right = axis.at(float(mark.get("from", 0))), axis.at(float(mark.get("to", 0)))
    return Mark(
        left=left,
        width=round(max(0.0, right - left), 2),
        kind=str(mark.get("kind", "")),
        name=str(mark.get("name", "")),
        text=str(mark.get("text", "")),
        seconds=float(mark.get("from", 0)),
    )


def _spread(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """Labels that would lie on each other go to lanes of their own."""
    ends = [-100.0] * _LANES
    placed = []
    for mark in sorted(marks, key=lambda mark: mark.left):
        free = [lane for lane in range(_LANES) if ends[lane] <= mark.left]
        lane = free[0] if free else min(range(_LANES), key=lambda lane: ends[lane])
        # On a phone's 330 pixels a letter is 2.1 % of the width; after 16 of them a label is cut.
        ends[lane] = mark.left + max(mark.width, 2.1 * min(16, len(mark.name)) + 3)
        placed.append(
            Mark(mark.left, mark.width, mark.kind, mark.name, mark.text, mark.seconds, lane)
        )
    return tuple(placed)


def _losses(
    looks: Sequence[Sequence[float]], axis: _Axis
) -> Iterator[tuple[float, float, float, str]]:
    """One bar for each stretch that lost something."""
    known = [look for look in looks if len(look) >= 4]
    # A line without its four numbers was cut off in writing.
    for before, (at, received, lost, late, *_) in pairwise([[axis.start, 0, 0, 0], *known]):
        bad, due = lost + late, received + lost
        if bad > 0:
            left = axis.at(before[0])
            share = min(100.0, 100 * bad / max(due, bad))
            yield (
                left,
                round(max(0.3, axis.at(at) - left), 2),
                round(share, 1),
                f"{lost:g} lost, {late:g} late or missing",
            )
