"""A batch of records by their columns, as arrays of numbers. Only for the child process.

`RowColumns` holds records that a database gave as tuples, `TextColumns` (in `blocks`) lines that
are never taken apart into words. What a word means is looked up once and remembered. Words come as
text or, out of SQLite, as bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from checks.data.usage.timestamps import NEVER, Instants, Mask, Whole, Zone

Row = Sequence[Any]
Hashes = NDArray[np.uint64]
# Python's hash of None: the same in each batch of one process, and never asked of another.
_NOTHING = np.uint64(hash(None) % 2**64)
# Names repeat, ids do not: a column of ids would fill the memory with words that never come again.
_MOST_REMEMBERED = 65_536


class Meanings(dict[Any, int]):
    """Word -> number, by a function that is asked once for each word."""

    def __init__(self, number: Callable[[str], int]) -> None:
        super().__init__()
        self._number = number

    def __missing__(self, word: Any) -> int:
        number = self._number(plain(word))
        if len(self) < _MOST_REMEMBERED:
            self[word] = number
        return number


class Columns(Protocol):
    """The columns of a batch, by their terms."""

    count: int
    strays: Whole
    """how many records stand before each line that is none"""

    def __contains__(self, term: str) -> bool:
        """Whether there is such a column."""
        ...

    def only(self, which: Mask) -> Columns:
        """Some of the records."""
        ...

    def instants(self, term: str, zone: Zone, hint: Whole | None = None) -> Instants:
        """Stamps in this zone."""
        ...

    def whole(self, term: str) -> tuple[Whole, Mask]:
        """Whole numbers, 0 where there is none, and where there is none."""
        ...

    def numbers(self, term: str, meanings: dict[Any, int], channel: bool = False) -> Whole:
        """A number for each word; of a `channel` for its peer: PJSIP/trunk-a-0000002f counts as
        PJSIP/trunk-a.
        """
        ...

    def members(self, term: str, words: frozenset[str]) -> Mask:
        """Which of the words are among these."""
        ...

    def hashes(self, term: str) -> Hashes:
        """A hash of each word, 0 for none."""
        ...

    def words(self, term: str) -> Sequence[Any]:
        """The words themselves; slow."""
        ...


class RowColumns:
    """Records as tuples."""

    def __init__(self, rows: Sequence[Row], positions: Mapping[str, int]) -> None:
        self.count, self._positions, self._rows = len(rows), positions, rows
        self.strays = np.zeros(0, np.int64)
        # By columns from here on: numpy reads one column in one go.
        self._columns = list(zip(*rows, strict=True))
        self._peers: dict[int, list[Any]] = {}

    def __contains__(self, term: str) -> bool:
        return term in self._positions

    def only(self, which: Mask) -> RowColumns:
        return RowColumns(list(compress(self._rows, which.tolist())), self._positions)

    def instants(self, term: str, zone: Zone, hint: Whole | None = None) -> Instants:
        return zone.read(self.words(term), hint)

    def whole(self, term: str) -> tuple[Whole, Mask]:
        try:
            # The usual column is all numbers: one pass in C, and the slow way only where that
            # fails.
            found = np.fromiter(map(int, self.words(term)), np.int64, self.count)
        except (TypeError, ValueError, OverflowError):
            return whole_of(self.words(term))
        return found, np.zeros(self.count, np.bool_)

    def numbers(self, term: str, meanings: dict[Any, int], channel: bool = False) -> Whole:
        words = self._peers_of(term) if channel else self.words(term)
        return np.fromiter(map(meanings.__getitem__, words), np.int64, self.count)

    def members(self, term: str, words: frozenset[str]) -> Mask:
        both = {*words, *(word.encode() for word in words)}
        return np.fromiter(map(both.__contains__, self.words(term)), np.bool_, self.count)

    def hashes(self, term: str) -> Hashes:
        found = np.fromiter(map(hash, self.words(term)), np.int64, self.count).view(np.uint64)
        # None is no name: a hash of it would make one group of all that have none.
        return np.where(found == _NOTHING, np.uint64(0), found)

    def words(self, term: str) -> Sequence[Any]:
        return self._columns[self._positions[term]]

    def _peers_of(self, term: str) -> list[Any]:
        position = self._positions[term]
        if position not in self._peers:
            column = self._columns[position]
            # SQLite is read as bytes, the servers as text.
            mark: Any = b"-" if any(isinstance(channel, bytes) for channel in column) else "-"
            self._peers[position] = [
                channel and (channel.rpartition(mark)[0] or channel) for channel in column
            ]
        return self._peers[position]


def plain(written: Any) -> str:
    """A word as text; "" for none."""
    if isinstance(written, bytes):
        return written.decode("utf-8", "replace")
    return "" if written is None else str(written)


def whole_of(words: Sequence[Any]) -> tuple[Whole, Mask]:
    """Whole numbers out of words that may be anything, and where there is none."""
    read = [_whole(written) for written in words]
    return np.array([one or 0 for one in read], np.int64), np.array(
        [one is None for one in read], np.bool_
    )


def _whole(written: Any) -> int | None:
    try:
        number = int(float(written))
    except (TypeError, ValueError, OverflowError):
        return None
    # More than 34 000 years of seconds is no length and no stamp, but a number that belongs
    # elsewhere.
    return number if abs(number) < 2**40 else None


def epochs_of(identities: Sequence[Any]) -> Whole:
    """The seconds that ids like 1763799012.45 or pbx1-1763799012.45 begin with; NEVER for
    others.
    """

    def one(identity: Any) -> int:
        # Asterisk puts its system name before the seconds where one is set, with a dash.
        digits = plain(identity).rpartition("-")[2].partition(".")[0]
        return int(digits) if digits.isdecimal() and len(digits) == 10 else NEVER

    return np.fromiter(map(one, identities), np.int64, len(identities))
