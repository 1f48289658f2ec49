"""Lines of CSV as columns of numbers, a block of some megabytes at a time. Only for the child
process.

    "","+4930123","8000","from-trunk","Anna <+4930123>","PJSIP/trunk-a-0000002f",...,"2026-11-20
    10:00:00",64,...

No line is ever taken apart into Python's words: commas and line ends outside of quotes are found
for the whole block at once, and what is needed of a field is gathered from its place (RFC 4180; a
quote in a quoted field is doubled). Missing last fields are empty.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from checks.data.usage.columns import Hashes, whole_of
from checks.data.usage.csv_cut import MARGIN, Bytes
from checks.data.usage.timestamps import LEAST_WIDTH, WIDTH, Instants, Mask, Whole, Zone

_NO_STRAYS = np.zeros(0, np.int64)
_QUOTE, _RETURN, _DASH = b'"\r-'
# Bytes of a field that are looked at. A caller's name or a channel is shorter by far; what is
# longer is told apart by its beginning and its length.
_LONGEST = MARGIN
# Eight digits are 3 years of seconds: a longer number goes the slow way. They are one word of 64
# bits, their first digit in its lowest byte.
_DIGITS = 8
_ZEROS, _HIGH_BITS = np.uint64(0x3030303030303030), np.uint64(0x8080808080808080)
_ABOVE_NINE = np.uint64(0x7676767676767676)  # added to a byte of more than 9 it sets the high bit
# Neighbours are put together to pairs, pairs to fours, fours to eight: digits of a neighbour weigh
# that much, it is so many bits further up, and of the sum these bits count.
_TOGETHER = tuple(
    (np.uint64(weight), np.uint64(bits), np.uint64(kept))
    for weight, bits, kept in (
        (10, 8, 0x00FF00FF00FF00FF),
        (100, 16, 0x0000FFFF0000FFFF),
        (10_000, 32, 0x00000000FFFFFFFF),
    )
)
# Slots of remembered words: some hundred agents and trunks rarely meet in one of 16 384.
_SLOT_BITS = 14
# Drawn anew in each process, so that nobody who writes names or ids can make two of them alike. Odd
# numbers, since a product with an even one loses a bit.
_KEYS = [np.uint64(secrets.randbits(64) | 1) for _ in range(_LONGEST // 8 + 1)]


class Remembered:
    """The numbers of words that came lately, by their hashes: a trunk's name stands in a million
    records, and is looked up once.
    """

    def __init__(self, meanings: dict[Any, int]) -> None:
        self._meanings = meanings
        self._hashes = np.zeros(1 << _SLOT_BITS, np.uint64)
        # No slot begins with a hash of its own: that of an empty word, 0, is of the first.
        self._hashes[0] = ~np.uint64(0)
        self._numbers = np.zeros(1 << _SLOT_BITS, np.int64)

    def numbers(self, hashes: Hashes, words: Callable[[Whole], list[str]]) -> Whole:
        """The number of each word; `words` are those at the places that it is given."""
        slots = (hashes >> np.uint64(64 - _SLOT_BITS)).astype(np.int64)
        found: Whole = self._numbers[slots]
        fresh = np.flatnonzero(self._hashes[slots] != hashes)
        if len(fresh):
            _, first, inverse = np.unique(hashes[fresh], return_index=True, return_inverse=True)
            said = [self._meanings[word] for word in words(fresh[first])]
            found[fresh] = np.array(said, np.int64)[inverse]
            # Where two words share a slot, both of them are set down from one and the same place.
            of = slots[fresh[first]]
            self._hashes[of], self._numbers[of] = hashes[fresh[first]], np.array(said, np.int64)
        return found


@dataclass(slots=True)
class Reading:
    """What the blocks of one source have in common."""

    positions: Mapping[str, int]
    returns: bool = False
    """whether there is a CR in the block: files from Windows end their lines with CR LF"""
    remembered: dict[int, Remembered] = field(default_factory=dict)
    """by the identity of the meanings, which outlive it"""


class TextColumns:
    """The fields of a block; around it lie `MARGIN` bytes more on both sides, and all places count
    from their first.
    """

    def __init__(
        self, block: Bytes, begins: Whole, ends: Whole, of: Reading, strays: Whole = _NO_STRAYS
    ) -> None:
        self.count, self.strays = len(begins), strays
        self._block, self._begins, self._ends = block, begins, ends
        self._of, self._positions = of, of.positions
        self._known: dict[int, tuple[Whole, Whole]] = {}
        self._wide: dict[int, Bytes] = {}

    def __contains__(self, term: str) -> bool:
        return term in self._positions

    def only(self, which: Mask) -> TextColumns:
        return TextColumns(self._block, self._begins[which], self._ends[which], self._of)

    def instants(self, term: str, zone: Zone, hint: Whole | None = None) -> Instants:
        # Seconds since 1970 have no form that could be read by places.
        if zone.name == "epoch":
            return zone.read(self.words(term), hint)
        begin, end = self._places(term)
        width = min(max(self._width(begin, end), LEAST_WIDTH), WIDTH)
        return zone.told(self._gathered(begin, end, width), hint)

    def whole(self, term: str) -> tuple[Whole, Mask]:
        begin, end = self._places(term)
        length = end - begin
        # Digits alone; a sign, a fraction or a blank is left to the slow way.
        good = (length > 0) & (length <= _DIGITS)
        before = (8 * (_DIGITS - np.where(good, length, _DIGITS))).astype(np.uint64)
        digits = self._windows(_DIGITS)[end - _DIGITS].view("<u8").reshape(-1) ^ _ZEROS
        digits = digits >> before << before
        good &= ((digits + _ABOVE_NINE) | digits) & _HIGH_BITS == 0
        for weight, bits, kept in _TOGETHER:
            digits = (digits * weight + (digits >> bits)) & kept
        found = digits.astype(np.int64)
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
            fields = _ended(fields, end - begin)
        remembered = self._of.remembered.setdefault(id(meanings), Remembered(meanings))
        return remembered.numbers(
            _hashed(fields, end - begin),
            lambda which: self._words_at(begin[which], end[which]),
        )

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
        if self._of.returns:
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
        if width not in self._wide:
            self._wide[width] = np.lib.stride_tricks.sliding_window_view(self._block, width)
        return self._wide[width]

    def _gathered(self, begin: Whole, end: Whole, width: int) -> Bytes:
        """Each field's first bytes in a row of `width`, zeros after its end."""
        return _ended(self._windows(width)[begin], end - begin)

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


@cache
def _kept(width: int) -> NDArray[np.uint64]:
    """For each length of a field the bits of `width` bytes that are its own."""
    lengths = np.arange(width + 1)[:, None]
    own = np.where(np.arange(width) < lengths, np.uint8(0xFF), np.uint8(0))
    return np.ascontiguousarray(own).view(np.uint64)


def _ended(fields: Bytes, lengths: Whole) -> Bytes:
    """These rows of whole words of 8 bytes with zeros after each field's end."""
    width = fields.shape[1]
    words = fields.view(np.uint64)
    words &= _kept(width)[np.minimum(lengths, width)]
    return fields


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
