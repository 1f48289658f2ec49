"""What is usual: the median of the same weekday in the weeks before, and how far days stray from it
(MAD). Pure.

A figure stands out when it is farther from the median than each of
    3 x 1.4826 x MAD    three standard deviations, where days stray as a normal distribution does
    10 % of the median  where the weeks were all alike, small changes are none
    3 x sqrt(median)    for counts: what chance alone does (Poisson); of a median below 1 as of 1
All in whole numbers and fractions, so that a figure on the border does not depend on rounding. With
fewer than two weeks nothing stands out: one day is no habit. The words for it are the report's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

Figure = int | Fraction
# Three standard deviations: of a hundred usual days fewer than one stands out by chance.
_DEVIATIONS = 3
# The standard deviation of a normal distribution is 1.4826 times its median absolute deviation.
_TO_SIGMA = Fraction(14826, 10000)
_LEAST_SHARE = Fraction(1, 10)
_LEAST_WEEKS = 2


@dataclass(frozen=True, slots=True)
class Usual:
    """Of `weeks` days: their median, and the median absolute deviation from it."""

    median: Fraction
    mad: Fraction
    weeks: int


@dataclass(frozen=True, slots=True)
class Standout:
    """A figure that is not as usual. `part` is an hour, a trunk ... ("hour:10:00"), "" for
    the day.
    """

    metric: str
    part: str
    value: Fraction
    usual: Usual

    @property
    def above(self) -> bool:
        """Whether it is more than usual."""
        return self.value > self.usual.median

    def weight(self) -> Fraction:
        """How far it is, in parts of the median; whatever was nothing before weighs most."""
        if not self.usual.median:
            # Larger than any real ratio, and still a number that can be sorted.
            return Fraction(10**9)
        return abs(self.value - self.usual.median) / abs(self.usual.median)


def median(figures: Sequence[Figure]) -> Fraction:
    """The middle one, or the mean of the two in the middle. Raises ValueError without any."""
    if not figures:
        raise ValueError("nothing has no median")
    ordered = sorted(map(Fraction, figures))
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def usual(figures: Sequence[Figure]) -> Usual | None:
    """What these days make usual; None without any."""
    if not figures:
        return None
    middle = median(figures)
    return Usual(middle, median([abs(figure - middle) for figure in figures]), len(figures))


def stands_out(value: Figure, known: Usual, counted: bool) -> bool:
    """Whether a figure stands out; `counted` says that it is a count."""
    if known.weeks < _LEAST_WEEKS:
        return False
    distance = abs(value - known.median)
    if distance <= _DEVIATIONS * _TO_SIGMA * known.mad or distance <= _LEAST_SHARE * abs(
        known.median
    ):
        return False
    # Squared on both sides, so that no root has to be rounded.
    return not counted or distance * distance > _DEVIATIONS * _DEVIATIONS * max(
        known.median, Fraction(1)
    )


def standouts(
    today: Mapping[tuple[str, str], Figure | None],
    before: Sequence[Mapping[tuple[str, str], Figure | None]],
    counted: frozenset[str],
) -> list[Standout]:
    """Every figure, by metric and part, that is not as on the days before; those farthest off
    first.

    A part that a day lacks counts as 0 where the metric is a count, else that day says nothing of
    it.
    """
    found = []
    keys = {*today, *(key for day in before for key in day)}
    for metric, part in sorted(keys):
        nothing = 0 if metric in counted else None
        value = today.get((metric, part), nothing)
        figures = [one for day in before if (one := day.get((metric, part), nothing)) is not None]
        known = usual(figures)
        if value is not None and known is not None and stands_out(value, known, metric in counted):
            found.append(Standout(metric, part, Fraction(value), known))
    return sorted(found, key=lambda one: (bool(one.part), -one.weight(), one.metric, one.part))
