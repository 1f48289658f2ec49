"""A ratio of counts, with what it is worth: its n and its Wilson interval (E. B. Wilson, 1927)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

# The normal quantile of a two-sided interval of 95 %. Wilson's interval stays within 0 and 100 %
# and is honest for the few calls of a quiet night, where the usual one (p +- 1.96 s) is not.
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Ratio:
    """`hits` of `of`. Nothing of nothing is no data: never 0 %, never 100 %."""

    hits: int
    of: int

    def exact(self) -> Fraction | None:
        """The ratio itself, for comparing."""
        return Fraction(self.hits, self.of) if self.of else None

    def percent(self) -> float | None:
        """The ratio in percent; None where there is nothing to count."""
        return 100 * self.hits / self.of if self.of else None

    def interval(self) -> tuple[float, float] | None:
        """The lower and upper end of Wilson's interval of 95 %, in percent."""
        if not self.of:
            return None
        n, share, square = self.of, self.hits / self.of, _Z * _Z
        centre = share + square / (2 * n)
        spread = _Z * sqrt(share * (1 - share) / n + square / (4 * n * n))
        low, high = ((centre + sign * spread) / (1 + square / n) for sign in (-1, 1))
        # Exactly the bound where every one missed or hit: there the formula is only rounding away
        # from it.
        return 0.0 if not self.hits else 100 * max(
            0.0, low
        ), 100.0 if self.hits == n else 100 * min(1.0, high)

    def told(self) -> dict[str, Any]:
        """The ratio as it stands in the result; percentages are rounded to a hundredth."""
        interval = self.interval()
        percent = self.percent()
        return {
            "hits": self.hits,
            "of": self.of,
            "percent": None if percent is None else round(percent, 2),
            "low": round(interval[0], 2) if interval else None,
            "high": round(interval[1], 2) if interval else None,
        }
