"""What one search for secrets may cost, counted in steps of the program and never in time, so that
it is the same on every host and a test can hold it.

    effort = Effort(len(content))
    if not effort.step(): effort.stop(at)       what lies from `at` on is not shown

Rules: no step is taken back and nothing is searched twice, so that the work is linear in the length
by construction. Where the effort is spent, the search goes on without what it would have had to
read, and keeps the first place of that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")
Back = Callable[[int, int], tuple[int, int]]
"""from a span of a text to where it came from in what was sent"""

# A sign read back, a run decoded, a place found: 1 to 2 µs each. A portal's page of 128 kB has
# 1 000, one whose script holds JSON in a text of its own 10 000.
MOST_STEPS = 12_000
# What is coded lies in a part of a page, JSON in HTML twice in nearly all of it: four times the
# longest exhibit. A kB takes 40 µs.
MOST_BYTES_AGAIN = 4 * 132 * 1024
# An expression that is replaced by nothing costs an eighth of a step, and nothing where it is rare.
_REPLACED_FOR_A_STEP = 8


class Effort:
    """What is left of it, and how far all was searched."""

    def __init__(self, length: int) -> None:
        self.steps_left, self.bytes_left = MOST_STEPS, MOST_BYTES_AGAIN
        self.until = length
        """from here on the content must not be shown"""
        self.looked_bytes = 0
        """how much was looked at in all: for the test of its growth"""

    @property
    def steps(self) -> int:
        """How many were taken."""
        return MOST_STEPS - self.steps_left

    def step(self, count: int = 1) -> bool:
        """Take so many, if there are so many left; else none is, ever again."""
        if count > self.steps_left:
            self.steps_left = 0
            return False
        self.steps_left -= count
        return True

    def as_many(self, things: Iterable[_T]) -> tuple[list[_T], _T | None]:
        """As many as there are steps for, a step each, and the first that there is none for."""
        taken = list(islice(things, self.steps_left + 1))
        more = taken.pop() if len(taken) > self.steps_left else None
        self.steps_left -= len(taken)
        return taken, more

    def matches(
        self, pattern: re.Pattern[bytes], content: bytes, back: Back
    ) -> list[re.Match[bytes]]:
        """Where a pattern is found, as often as there are steps for; the search stops where it is
        found once more.
        """
        found, more = self.as_many(pattern.finditer(content))
        if more:
            self.stop(back(*more.span())[0])
        return found

    def replacing(self, at_most: int) -> bool:
        """Take what it costs to replace an expression so many times."""
        return self.step(at_most // _REPLACED_FOR_A_STEP)

    def again(self, length: int) -> bool:
        """Search so many bytes once more, read back."""
        if length > self.bytes_left:
            self.bytes_left = 0
            return False
        self.bytes_left -= length
        return True

    def stop(self, at: int) -> None:
        """What lies from here on was not searched in each spelling."""
        self.until = min(self.until, at)
