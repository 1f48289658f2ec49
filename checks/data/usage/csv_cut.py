"""Where the records and fields of a block of CSV are. Only for the child process.

Delimiters and line ends outside of quotes are found for the whole block at once (RFC 4180: a quote
in a quoted field is doubled).
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checks.data.usage.timestamps import Whole

Bytes = NDArray[np.uint8]
# Bytes before and after a block that whoever looks at its fields may read as well.
MARGIN = 160
_QUOTE, _LINE = b'"\n'


@dataclass(frozen=True, slots=True)
class Shape:
    """How many fields a record has `usually`, how many of them are looked at, how many it must
    have, and the byte between them.
    """

    usually: int
    looked_at: int
    needed: int
    delimiter: int = ord(",")


class Cut:
    """Where the fields of a block are: of each record its first byte, and the separator after each
    of its fields.

    All places count from `MARGIN` bytes before the block; `used` is how much of it that was. A
    record with too few fields is bad; so is one of several lines whose quotes are not as they
    should be: a stray quote has swallowed lines. With `by_line` every line is a record, whatever
    its quotes say.
    """

    def __init__(self, block: Bytes, shape: Shape, by_line: bool = False) -> None:
        at, quoted_lines = _separators(block, by_line, shape.delimiter)
        lines = np.flatnonzero(block[at] == _LINE)
        self.used = int(at[lines[-1]]) + 1 if len(lines) else 0
        firsts = np.concatenate(([0], lines[:-1] + 1))[: len(lines)]
        begins = np.concatenate(([0], at[lines[:-1]] + 1))[: len(lines)]
        counts = lines - firsts + 1
        good = counts >= shape.needed
        # Only a record of several lines can have been put together by a stray quote: mostly there
        # is none.
        if quoted_lines:
            good[_swallowing(block, begins, at[lines], chr(shape.delimiter))] = False
        self.bad = np.stack((begins[~good], at[lines[~good]] + 1), axis=1) + MARGIN
        """first byte and end of each bad record"""
        if good.all() and (counts == shape.usually).all():
            self.ends = (
                at[: len(lines) * shape.usually].reshape(-1, shape.usually)[:, : shape.looked_at]
                + MARGIN
            )
        else:
            across = firsts[good][:, None] + np.arange(shape.looked_at)
            self.ends = at[np.minimum(across, lines[good][:, None])] + MARGIN
        self.begins = begins[good] + MARGIN


def _swallowing(block: Bytes, begins: Whole, ends: Whole, delimiter: str) -> list[int]:
    """The records of several lines that are not well formed."""
    if not len(ends):
        return []
    lines = np.flatnonzero(block[: int(ends[-1]) + 1] == _LINE)
    several = np.flatnonzero(np.searchsorted(lines, ends) > np.searchsorted(lines, begins))
    return [
        number
        for number in several.tolist()
        if not _well_formed(block[begins[number] : ends[number]].tobytes(), delimiter)
    ]


def _well_formed(record: bytes, delimiter: str) -> bool:
    text = io.StringIO(record.decode("utf-8", "replace"), newline="")
    try:
        return len(list(csv.reader(text, delimiter=delimiter, strict=True))) == 1
    except csv.Error:
        return False


def _separators(block: Bytes, by_line: bool, delimiter: int) -> tuple[Whole, bool]:
    """The places of the delimiters and line ends that stand outside of quotes; and whether any line
    end stands within.
    """
    quotes, lines = block == _QUOTE, block == _LINE
    # Whether a place is within quotes is the parity of the quotes before it; a doubled quote counts
    # twice, and so not at all.
    within = np.bitwise_xor.accumulate(quotes.view(np.uint8)).view(np.bool_)
    if by_line:
        ends = np.flatnonzero(lines)
        before = np.concatenate(([False], within[ends]))
        within ^= np.repeat(before, np.diff(np.concatenate(([0], ends + 1, [len(block)]))))
        within[ends] = False
    outside = block == delimiter
    outside |= lines
    outside &= ~within
    return np.flatnonzero(outside), not by_line and bool((lines & within).any())
