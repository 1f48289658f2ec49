"""A batch of records by their columns, as arrays of numbers. Only for the child process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checks.data.usage.stamps import Mask, Whole

Row = Sequence[Any]
_NOTHING = np.uint64(hash(None) % 2**64)


class Columns:
    """A batch of records by their terms."""

    def __init__(self, rows: Sequence[Row], positions: Mapping[str, int]) -> None:
        self.count, self.positions = len(rows), positions
        self._columns = list(zip(*rows, strict=True))

    def __getitem__(self, term: str) -> Sequence[Any]:
        return self._columns[self.positions[term]]

    def numbers(self, term: str, number: Callable[[Any], int]) -> NDArray[np.int64]:
        """A number for each word."""
        return np.fromiter(map(number, self[term]), np.int64, self.count)

    def mask(self, term: str, which: Callable[[Any], bool]) -> Mask:
        """Which of the words."""
        return np.fromiter(map(which, self[term]), np.bool_, self.count)

    def hashes(self, term: str) -> NDArray[np.uint64]:
        """A hash of each word, 0 for none."""
        found = np.fromiter(map(hash, self[term]), np.int64, self.count).view(np.uint64)
        return np.where(found == _NOTHING, np.uint64(0), found) if None in self[term] else found

    def whole(self, term: str) -> tuple[Whole, Mask]:
        """Whole numbers, 0 where there is none, and where there is none."""
        if term not in self.positions:
            return np.zeros(self.count, np.int64), np.ones(self.count, np.bool_)
        try:
            found = np.fromiter(map(int, self[term]), np.int64, self.count)
        except (TypeError, ValueError, OverflowError):
            read = [_whole(written) for written in self[term]]
            missing = np.array([one is None for one in read], np.bool_)
            return np.array([one or 0 for one in read], np.int64), missing
        return found, np.zeros(self.count, np.bool_)


def _whole(written: Any) -> int | None:
    try:
        number = int(float(written))
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) < 2**40 else None
