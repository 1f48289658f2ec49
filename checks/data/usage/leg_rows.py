"""Legs and calls as rows of numbers; names (trunks, numbers, agents) as codes. Only for the child
process.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checks.data.usage.shown_numbers import shown
from checks.data.usage.undated import Undated

Rows = NDArray[Any]
GROUPS = ("trunk", "did", "agent", "queue")

LEG = np.dtype(
    [
        ("link", "u8"),  # which call
        ("row", "u8"),  # the same for the same record again
        ("start", "i8"),  # UTC seconds
        ("order", "i4"),  # among the legs of a call
        ("length", "i4"),  # seconds from the start to the end
        ("talk", "i4"),  # seconds from the answer to the end
        ("outcome", "u1"),
        ("cause", "u1"),  # Q.850, 0: none
        ("own", "?"),  # a test call of Reveille's
        ("closing", "?"),  # the BYE of a dialogue: it only tells the end
        *((group, "i4") for group in GROUPS),
    ]
)
CALL = np.dtype(
    [
        ("start", "i8"),
        ("end", "i8"),
        ("wait", "i4"),  # until the answer, or until given up
        ("talk", "i4"),  # how long anybody was connected: overlaps count once
        ("outcome", "u1"),
        ("cause", "u1"),
        ("own", "?"),
        *((group, "i4") for group in GROUPS),
    ]
)


class Codes(dict[Any, int]):
    """Numbers for names, given as they come. 0 is no name; beyond `most` names all others share
    one, `OTHER`.
    """

    # 0 is no name; 1 is everything beyond `most`, so that a column of ids cannot fill the memory.
    NONE, OTHER = 0, 1

    def __init__(self, most: int = 65_536) -> None:
        super().__init__({"": self.NONE, None: self.NONE})
        self.names = ["", "others"]
        self._most = most

    def __missing__(self, name: Any) -> int:
        text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        # The same name may come as bytes from one source and as text from another.
        if text is not name and text in self:
            return self[text]
        if len(self.names) >= self._most:
            return self.OTHER
        self[name] = self[text] = code = len(self.names)
        self.names.append(text)
        return code


@dataclass
class Names:
    """The codes of a whole reading."""

    trunk: Codes = field(default_factory=Codes)
    did: Codes = field(default_factory=Codes)
    agent: Codes = field(default_factory=Codes)
    queue: Codes = field(default_factory=Codes)
    own_numbers: tuple[str, ...] = ()
    """which numbers that were called are told whole"""

    def of(self, group: str) -> Codes:
        """The codes of one group."""
        codes: Codes = getattr(self, group)
        return codes

    def told(self, group: str, code: int) -> str:
        """A name, as it may leave the process."""
        name = self.of(group).names[code]
        return shown(name, self.own_numbers) if group == "did" else name


# What is counted of odd records, in the order in which the report names them (result.py).
ODD = (
    "unreadable", "without_start", "future", "nulls", "negative", "zero_length",
    "longer_than_expected", "clock_steps",
    "ambiguous_times", "impossible_times", "duplicates", "crossed_into_the_day",
    "crossed_out_of_the_day",
    "without_end", "unknown_words",
)  # fmt: skip
# More of a line than this is not shown of it.
_MOST_SHOWN = 80
_LETTERS = re.compile(r"[^\W\d_]")
_NOT_TEXT = re.compile(r"[^ -~]")
_NUMERALS = re.compile(r"\d")


@dataclass
class Met:
    """What a reading has met beside good records."""

    odd: Counter[str] = field(default_factory=Counter)
    records: int = 0
    """read in all"""
    first: int | None = None
    """the earliest start of any record that was read, UTC seconds"""
    first_odd: str = ""
    """the first that could not be understood, masked"""
    today: int = 0
    """of the day, by a time that is understood"""
    undated: Undated | None = None
    """those that tell no time, once it is known for which day"""

    def dated(self, starts: NDArray[np.int64]) -> None:
        """Records whose times are understood."""
        if len(starts):
            earliest = int(starts.min())
            self.first = min(earliest, self.first or earliest)

    def stray(self, line: bytes) -> None:
        """A line that is no record; blank ones are none."""
        if line.strip():
            self.not_understood("unreadable", 1, line)

    def not_understood(self, what: str, count: int, shown: bytes | str) -> None:
        """So many records that say nothing, and the first of them."""
        self.odd[what] += count
        if count and not self.first_odd:
            self.first_odd = masked(shown)


def masked(shown: bytes | str) -> str:
    """What a line looks like, without what it says: a letter is `a`, a digit is `9`."""
    text = (
        shown[: 4 * _MOST_SHOWN].decode("utf-8", "replace") if isinstance(shown, bytes) else shown
    )
    text = " ".join(text.split())[:_MOST_SHOWN]
    return _NOT_TEXT.sub("?", _NUMERALS.sub("9", _LETTERS.sub("a", text)))
