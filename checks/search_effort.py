"""What one search for secrets may cost, counted in steps of the program and never in time, so that
it is the same on every host and a test can hold it.

    effort = Effort(len(content), forms=9)
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

# A sign read back, a run decoded, a place found: 1 to 2 µs each. All that is done comes out of this
# one, so that no two ends are reached one after the other. A portal's page of 128 kB takes 1 000
# for its signs; one whose script holds JSON in a text of its own 10 000, and as many to search what
# was read back.
MOST_STEPS = 20_000
# A kB that is read back is searched anew: 30 µs, whatever for, and 0.5 µs a form of a secret.
_STEPS_A_KB, _FORMS_FOR_A_STEP_A_KB = 16, 4
# To look for a form in however little costs 1 µs.
_FORMS_FOR_A_STEP = 2
# A list of numbers is read number by number: 0.15 µs each, of two characters and more.
_OF_NUMBERS_FOR_A_STEP = 16
# An expression that is replaced by nothing costs an eighth of a step, and nothing where it is rare.
_REPLACED_FOR_A_STEP = 8


class Effort:
    """What is left of it, and how far all was searched."""

    def __init__(self, length: int, forms: int) -> None:
        """`forms`: how many are looked for."""
        self.steps_left = MOST_STEPS
        self.until = length
        """from here on the content must not be shown"""
        self.looked_bytes = 0
        """how much was looked at in all: for the test of its growth"""
        self._steps_a_kb = _STEPS_A_KB + forms // _FORMS_FOR_A_STEP_A_KB
        self._steps_a_look = forms // _FORMS_FOR_A_STEP

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
        return self.step(self._steps_a_look + length * self._steps_a_kb // 1024)

    def numbers(self, runs: list[tuple[int, int]]) -> int:
        """How many of these lists of numbers there are steps for, which are taken."""
        for count, (begin, end) in enumerate(runs):
            if not self.step((end - begin) // _OF_NUMBERS_FOR_A_STEP):
                return count
        return len(runs)

    def stop(self, at: int) -> None:
        """What lies from here on was not searched in each spelling."""
        self.until = min(self.until, at)
