"""Lines of CSV as columns of numbers, a block of some megabytes at a time. Only for the child
process.

    "","+4930123","8000","from-trunk","Anna <+4930123>","PJSIP/trunk-a-0000002f",...,"2026-11-20
    10:00:00",64,...

No line is ever taken apart into Python's words: commas and line ends outside of quotes are found
for the whole block at once, and what is needed of a field is gathered from its place (RFC 4180; a
quote in a quoted field is doubled). Missing last fields are empty.
"""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checks.data.usage.columns import Hashes, whole_of
from checks.data.usage.timestamps import WIDTH, Instants, Mask, Whole, Zone

Bytes = NDArray[np.uint8]
_QUOTE, _LINE, _RETURN, _DASH, _MINUS = b'"\n\r--'
# Bytes of a field that are looked at. A caller's name or a channel is shorter by far; what is
# longer is told apart by its beginning and its length.
_LONGEST = 160
MARGIN = _LONGEST
# Eight digits are 3 years of seconds: a longer number goes the slow way.
_DIGITS = 8
# Exact in binary fractions up to 2^53, so that the product of digits and powers is a whole number.
_POWERS = 10.0 ** np.arange(_DIGITS - 1, -1, -1)
# Drawn anew in each process, so that nobody who writes names or ids can make two of them alike. Odd
# numbers, since a product with an even one loses a bit.
_KEYS = [np.uint64(secrets.randbits(64) | 1) for _ in range(_LONGEST // 8 + 1)]


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
        at = _separators(block, by_line, shape.delimiter)
        lines = np.flatnonzero(block[at] == _LINE)
        self.used = int(at[lines[-1]]) + 1 if len(lines) else 0
        firsts = np.concatenate(([0], lines[:-1] + 1))[: len(lines)]
        begins = np.concatenate(([0], at[lines[:-1]] + 1))[: len(lines)]
        counts = lines - firsts + 1
        good = counts >= shape.needed
        if not by_line:
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
    # Only a record of several lines can have been put together by a stray quote: mostly there is
    # none.
    lines = np.flatnonzero(block[: int(ends[-1]) + 1] == _LINE) if len(ends) else ends
    if len(lines) == len(ends):
        return []
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


def _separators(block: Bytes, by_line: bool, delimiter: int) -> Whole:
    """The places of the delimiters and line ends that stand outside of quotes."""
    marks = np.flatnonzero((block == _QUOTE) | (block == delimiter) | (block == _LINE))
    kinds = block[marks]
    quotes = kinds == _QUOTE
    # Whether a place is within quotes is the parity of the quotes before it; a doubled quote counts
    # twice, and so not at all.
    odd = np.bitwise_xor.accumulate(quotes.view(np.uint8))
    if by_line:
        lines = np.flatnonzero(kinds == _LINE)
        before = np.concatenate(([0], odd[lines])).astype(np.uint8)
        odd ^= np.repeat(before, np.diff(np.concatenate(([0], lines + 1, [len(marks)]))))
    outside = ~quotes & (odd == 0)
    if by_line:
        outside |= kinds == _LINE
    separators: Whole = marks[outside]
    return separators


class TextColumns:
    """The fields of a block; around it lie `MARGIN` bytes more on both sides, and all places count
    from their first.
    """

    def __init__(
        self, block: Bytes, begins: Whole, ends: Whole, positions: Mapping[str, int]
    ) -> None:
        self.count = len(begins)
        self._block, self._begins, self._ends, self._positions = block, begins, ends, positions
        self._known: dict[int, tuple[Whole, Whole]] = {}

    def __contains__(self, term: str) -> bool:
        return term in self._positions

    def only(self, which: Mask) -> TextColumns:
        return TextColumns(self._block, self._begins[which], self._ends[which], self._positions)

    def instants(self, term: str, zone: Zone, hint: Whole | None = None) -> Instants:
        # Seconds since 1970 have no form that could be read by places.
        if zone.name == "epoch":
            return zone.read(self.words(term), hint)
        return zone.told(self._gathered(*self._places(term), WIDTH), hint)

    def whole(self, term: str) -> tuple[Whole, Mask]:
        begin, end = self._places(term)
        length = end - begin
        digits = self._windows(_DIGITS)[end - _DIGITS] - np.uint8(ord("0"))
        digits[np.arange(_DIGITS, 0, -1) > length[:, None]] = 0
        # Digits alone; a sign, a fraction or a blank is left to the slow way.
        good = (digits <= 9).all(axis=1) & (length > 0) & (length <= _DIGITS)
        found: Whole = np.rint(digits.astype(np.float64) @ _POWERS).astype(np.int64)
        missing = np.zeros(self.count, np.bool_)
        if not good.all():
            odd = np.flatnonzero(~good)
            found[odd], missing[odd] = whole_of(self._words_at(begin[odd], end[odd]))
        return found, missing

    def numbers(self, term: str, meanings: dict[Any, int], channel: bool = False) -> Whole:
        begin, end = self._places(term)
        fields = self._gathered(begin, end, self._width(begin, end))
        if channel:
            end = self._peers(fields, begin, end)
            fields[np.arange(fields.shape[1]) >= (end - begin)[:, None]] = 0
        # One look-up for each different word: a trunk's name stands in a million records.
        _, first, inverse = np.unique(
            _hashed(fields, end - begin), return_index=True, return_inverse=True
        )
        words = self._words_at(begin[first], end[first])
        return np.fromiter((meanings[word] for word in words), np.int64, len(first))[inverse]

    def members(self, term: str, words: frozenset[str]) -> Mask:
        begin, end = self._places(term)
        # Lengths first: of a million callers hardly any is as long as the few words that are looked
        # for.
        lengths = np.array(sorted({len(word.encode()) for word in words}))
        found = np.zeros(self.count, np.bool_)
        likely = np.flatnonzero(np.isin(end - begin, lengths))
        found[likely] = [word in words for word in self._words_at(begin[likely], end[likely])]
        return found

    def hashes(self, term: str) -> Hashes:
        begin, end = self._places(term)
        hashes = _hashed(self._gathered(begin, end, self._width(begin, end)), end - begin)
        return np.where(end > begin, hashes, np.uint64(0))

    def words(self, term: str) -> Sequence[Any]:
        return self._words_at(*self._places(term))

    # --- where, and what

    def _places(self, term: str) -> tuple[Whole, Whole]:
        """The first byte of each field, and the one after its last, without quotes."""
        position = self._positions[term]
        if position not in self._known:
            self._known[position] = self._unquoted(position)
        return self._known[position]

    def _unquoted(self, position: int) -> tuple[Whole, Whole]:
        begin = self._begins if position == 0 else self._ends[:, position - 1] + 1
        end = np.maximum(self._ends[:, position], begin)
        # Files from Windows end their lines with CR LF.
        end = end - ((end > begin) & (self._block[end - 1] == _RETURN))
        quoted = (
            (end - begin >= 2) & (self._block[begin] == _QUOTE) & (self._block[end - 1] == _QUOTE)
        )
        return begin + quoted, end - quoted

    def _width(self, begin: Whole, end: Whole) -> int:
        longest = int((end - begin).max()) if self.count else 0
        return min(-(-max(longest, 1) // 8) * 8, _LONGEST)

    def _windows(self, width: int) -> Bytes:
        """At each place the bytes that begin there, without copying any."""
        return np.lib.stride_tricks.sliding_window_view(self._block, width)

    def _gathered(self, begin: Whole, end: Whole, width: int) -> Bytes:
        """Each field's first bytes in a row of `width`, zeros after its end."""
        fields: Bytes = self._windows(width)[begin]
        fields[np.arange(width) >= (end - begin)[:, None]] = 0
        return fields

    def _peers(self, fields: Bytes, begin: Whole, end: Whole) -> Whole:
        """The ends of the channels' peers: at the last dash, if that is not at their very
        beginning.
        """
        dashes = fields[:, ::-1] == _DASH
        last = fields.shape[1] - 1 - dashes.argmax(axis=1)
        return np.where(dashes.any(axis=1) & (last > 0), begin + last, end)

    def _words_at(self, begin: Whole, end: Whole) -> list[str]:
        block = self._block
        return [
            # A doubled quote within a quoted field is one (RFC 4180 section 2).
            block[b:e].tobytes().decode("utf-8", "replace").replace('""', '"')
            for b, e in zip(begin.tolist(), end.tolist(), strict=True)
        ]


def _hashed(fields: Bytes, lengths: Whole) -> Hashes:
    """A hash of each field; the zeros after its end have no part in it, so it is the same in every
    block.
    """
    words = np.ascontiguousarray(fields).view(np.uint64)
    found = lengths.astype(np.uint64) * _KEYS[-1]
    for number in range(words.shape[1]):
        part = words[:, number] * _KEYS[number]
        # Products spread upwards only: the shifts bring the upper bits down, as in the finishers of
        # known hashes.
        part ^= part >> np.uint64(32)
        part *= _KEYS[-1]
        found += part ^ (part >> np.uint64(29))
    found ^= found >> np.uint64(32)
    return found * _KEYS[0]
