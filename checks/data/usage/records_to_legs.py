"""Records become legs, a batch at a time. Only for the child process.

Rule: a record that is odd is counted and still taken as far as it makes sense: a length below zero
is zero, a talk that is longer than its leg is as long as the leg, a length that is missing comes
from the end or is zero. Only a record without a start, or one outside every window, is left out;
the first is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from checks.data.usage.columns import Columns, Meanings, epochs_of, plain
from checks.data.usage.hunted_legs import seen_of
from checks.data.usage.leg_pairing import Pairs, mixed
from checks.data.usage.leg_rows import GROUPS, LEG, Met, Names, Rows
from checks.data.usage.record_formats import OF_CAUSE, Format, Outcome
from checks.data.usage.timestamps import NEVER, Instants, Mask, Whole, Zone, by_a_clock
from checks.data.usage.undated import Undated

# The largest of the 32 bits that a leg has for it: 68 years.
_LONGEST = 2**31 - 1
# A word for the outcome that no format knows; the others are an outcome and a cause of 8 bits each.
_NO_MEANING = -1
# A proxy may write of every request: the 200 of a CANCEL is of the CANCEL, a MESSAGE is no call.
_METHODS = {"INVITE": 0, "": 0, "BYE": 1}
_OF_NO_CALL = 2
# Two records alike in all of these are one that came twice.
_ROW = ("start", "order", "length", "talk", "outcome", "trunk", "did", "agent", "closing")
# As in record_query: minutes of a straying clock are no future.
_FUTURE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Window:
    """The starts that are read for a day, and the day itself; UTC seconds, half-open."""

    begin: int
    end: int
    day_begin: int
    day_end: int


@dataclass(frozen=True, slots=True)
class Taking:
    """What is to be taken of records: `windows` holds the day in question first."""

    form: Format
    zone: str
    windows: tuple[Window, ...]
    now: int
    longest_seconds: int
    own: frozenset[str] = frozenset()
    """account codes and caller numbers of test calls"""
    trunks: tuple[str, ...] = ()
    """patterns of trunk names; without any the leg's own channel is its trunk"""
    delivered: frozenset[int] = frozenset()
    """further Q.850 causes that count as reached"""

    @property
    def day(self) -> tuple[int, int]:
        """UTC seconds, half-open."""
        return self.windows[0].day_begin, self.windows[0].day_end


class Taker:
    """Takes records of one source."""

    def __init__(self, taking: Taking, names: Names, met: Met) -> None:
        self._taking, self._names, self._met = taking, names, met
        self._zone = Zone(taking.zone)
        self._outcomes = Meanings(self._outcome_of)
        self._causes = Meanings(self._cause_of)
        self._methods = Meanings(lambda word: _METHODS.get(word.strip().upper(), _OF_NO_CALL))
        self._of_cause = _table_of_causes(taking.delivered)
        self._is_trunk: dict[int, bool] = {}
        self._lonely = 0
        met.undated = self._undated = Undated(*taking.day)
        self.pairs: list[Pairs] = []
        """legs that name legs, so far (leg_pairing)"""
        self.seen: list[Rows] = []
        """all legs so far, where some are named by none (hunted_legs)"""

    def take(self, records: Columns) -> Rows:
        """The legs in these records that lie in any window."""
        if not records.count:
            return np.empty(0, LEG)
        self._met.records += records.count
        starts, twice, never = self._starts(records)
        wanted = self._wanted(records, starts)
        if not wanted.any():
            return np.empty(0, LEG)
        if not wanted.all():
            records = records.only(wanted)
            starts, twice, never = starts[wanted], twice[wanted], never[wanted]
        begin, end = self._taking.day
        today = (starts >= begin) & (starts < end)
        self._met.today += int(np.count_nonzero(today))
        self._count("ambiguous_times", twice & today)
        self._count("impossible_times", never & today)
        return self._legs(records, starts, today)

    # --- when

    def _starts(self, records: Columns) -> Instants:
        starts = records.instants("start", self._zone)
        # Asterisk's uniqueid begins with seconds since 1970: it tells the two 02:30s of an autumn
        # night apart.
        if starts[1].any() and self._taking.form.epoch_in_id and "id" in records:
            return records.instants("start", self._zone, epochs_of(records.words("id")))
        return starts

    def _wanted(self, records: Columns, starts: Whole) -> Mask:
        starts = by_a_clock(starts)
        missing, future = starts == NEVER, starts > self._taking.now + _FUTURE_SECONDS
        self._undated.take(starts, missing, records.strays)
        self._not_understood("without_start", missing, records, "start")
        self._not_understood("future", future, records, "start")
        self._met.dated(starts[~missing])
        within = [(starts >= day.begin) & (starts < day.end) for day in self._taking.windows]
        wanted: Mask = np.logical_or.reduce(within) & ~future
        if "method" in records:
            wanted &= records.numbers("method", self._methods) != _OF_NO_CALL
        return wanted

    # --- what

    def _legs(self, columns: Columns, starts: Whole, today: Mask) -> Rows:
        legs = np.zeros(len(starts), LEG)
        legs["start"] = starts
        self._lengths(columns, legs, today)
        self._outcome(columns, legs, today)
        self._groups(columns, legs)
        self._identity(columns, legs)
        if self._taking.own:
            for term in ("account", "caller"):
                if term in columns:
                    legs["own"] |= columns.members(term, self._taking.own)
        return legs

    def _lengths(self, columns: Columns, legs: Rows, today: Mask) -> None:
        length, no_length = _whole(columns, "length")
        talk, no_talk = _whole(columns, "talk")
        self._no_numbers(columns, {"length": today & no_length, "talk": today & no_talk})
        if "end" in columns:
            ends = by_a_clock(columns.instants("end", self._zone)[0])
            spans = np.where(ends == NEVER, 0, ends - legs["start"])
            counted = today & ~no_length & (ends != NEVER)
            # Written lengths come from a steady clock, stamps from the wall clock: where they
            # differ the clock was set.
            self._count("clock_steps", counted & (np.abs(spans - length) > 1))
            length, no_length = np.where(no_length, spans, length), no_length & (ends == NEVER)
        if self._taking.form.waits:
            self._count("nulls", today & (no_length | no_talk))
            self._count("negative", today & ((length < 0) | (talk < 0)))
        self._count("longer_than_expected", today & (length > self._taking.longest_seconds))
        legs["length"] = np.clip(length, 0, _LONGEST)
        # Talk cannot be longer than its leg: a record that says so was written by a clock that
        # jumped.
        legs["talk"] = np.minimum(np.clip(talk, 0, _LONGEST), legs["length"])

    def _no_numbers(self, columns: Columns, missing: Mapping[str, Mask]) -> None:
        """Lengths that are written and are no seconds (68,5 or 00:01:08): a record counts once."""
        strange, first = np.zeros(columns.count, np.bool_), ""
        for term, which in missing.items():
            if term in columns and which.any():
                said = [plain(word).strip() != "" for word in columns.only(which).words(term)]
                strange[np.flatnonzero(which)[said]] = True
                first = first or (term if any(said) else "")
        self._not_understood("unknown_words", strange, columns, first)

    def _outcome(self, columns: Columns, legs: Rows, today: Mask) -> None:
        if "outcome" in columns:
            found = columns.numbers("outcome", self._outcomes)
            self._not_understood(
                "unknown_words", today & (found == _NO_MEANING), columns, "outcome"
            )
            found = np.where(found == _NO_MEANING, Outcome.UNKNOWN * 256, found)
            legs["outcome"], legs["cause"] = found >> 8, found & 255
        else:
            answered = legs["talk"] > 0
            if "answer" in columns:
                answered |= by_a_clock(columns.instants("answer", self._zone)[0]) != NEVER
            legs["outcome"] = np.where(answered, Outcome.ANSWERED, Outcome.UNKNOWN)
        if "cause" in columns:
            found = columns.numbers("cause", self._causes)
            # Of an answered leg the cause says nothing that is counted.
            strange = today & (found < 0) & (legs["outcome"] != Outcome.ANSWERED)
            self._not_understood("unknown_words", strange, columns, "cause")
            found = np.maximum(found, 0)
            # An answered leg has 16 as its cause like a cancelled one: only where nobody answered
            # does it say why.
            open_end = (legs["outcome"] != Outcome.ANSWERED) & (found > 0)
            legs["cause"] = np.where(found > 0, found, legs["cause"])
            legs["outcome"] = np.where(open_end, self._of_cause[found], legs["outcome"])
        if "method" in columns:
            legs["closing"] = columns.numbers("method", self._methods) == _METHODS["BYE"]
        answered = legs["outcome"] == Outcome.ANSWERED
        legs["talk"] = np.where(answered, legs["talk"], 0)
        if self._taking.form.waits:
            self._count("zero_length", today & answered & (legs["talk"] == 0))

    def _groups(self, columns: Columns, legs: Rows) -> None:
        channels = self._taking.form.channels
        for group in GROUPS:
            if group in columns:
                channel = channels and group in ("trunk", "agent")
                legs[group] = columns.numbers(group, self._names.of(group), channel)
        if self._taking.trunks and "far_trunk" in columns:
            near, far = legs["trunk"], columns.numbers("far_trunk", self._names.trunk, channels)
            # The channel itself where it is a trunk, else the one it was connected to: an outgoing
            # call has it on the far side.
            legs["trunk"] = np.where(self._trunks(near), near, np.where(self._trunks(far), far, 0))

    def _trunks(self, codes: NDArray[np.int64]) -> Mask:
        """Which of these names are trunks by their pattern."""
        different, inverse = np.unique(codes, return_inverse=True)
        for code in map(int, different):
            if code not in self._is_trunk:
                name = self._names.trunk.names[code]
                self._is_trunk[code] = any(
                    fnmatchcase(name, pattern) for pattern in self._taking.trunks
                )
        return np.array([self._is_trunk[int(code)] for code in different], np.bool_)[inverse]

    # --- which

    def _identity(self, columns: Columns, legs: Rows) -> None:
        """Ids as hashes of 64 bits: two of ten million are taken for one in one reading of
        300 000.
        """
        own = columns.hashes("id") if "id" in columns else None
        link = columns.hashes("link") if "link" in columns else None
        # A record without an id is a call of its own, unless it says whose it is.
        if own is None:
            own = np.zeros(columns.count, np.uint64)
        nameless = own == 0
        legs["row"] = own
        self._lonely += columns.count
        if nameless.any():
            callers = columns.hashes("caller") if "caller" in columns else own
            legs["row"] = np.where(nameless, callers, own)
            places = np.arange(columns.count, dtype=np.uint64) + np.uint64(self._lonely)
            own = np.where(nameless, mixed(places), own)
        legs["link"] = own if link is None else self._linked(own, link)
        if link is not None and self._taking.form.names_the_last:
            self._keep(columns, legs, link)
        if "order" in columns:
            legs["order"] = np.clip(columns.whole("order")[0], -_LONGEST, _LONGEST)
        for name in _ROW:
            legs["row"] = mixed(legs["row"] ^ legs[name].astype(np.uint64))

    def _linked(self, own: NDArray[np.uint64], link: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """The call of each leg: its linked id. Where that names another leg: its own, for now."""
        if self._taking.form.epoch_in_id:
            return np.where(link == 0, own, link)
        naming = (link != 0) & (link != own)
        if naming.any():
            self.pairs.append((own[naming], link[naming]))
        return own

    def _keep(self, columns: Columns, legs: Rows, link: NDArray[np.uint64]) -> None:
        # Of two legs of one second the caller's is the first of its call.
        legs["order"] = link == 0
        self.seen.append(seen_of(columns, legs, link))

    def _outcome_of(self, word: str) -> int:
        meaning = self._taking.form.outcome_of(word)
        return _NO_MEANING if meaning is None else meaning[0] * 256 + meaning[1]

    def _cause_of(self, word: str) -> int:
        """The Q.850 cause; 0 for none, below zero for a word that nobody knows."""
        # 0 is what switches write for none.
        known = self._taking.form.causes.get(word.strip().upper())
        return known if known is not None else 0 if word.strip() in ("", "0") else -1

    def _not_understood(self, what: str, which: Mask, columns: Columns, term: str) -> None:
        if which.any():
            first = columns.only(which).words(term)[0]
            shown = f"{term} {plain(first)[:40]!r}"
            self._met.not_understood(what, int(np.count_nonzero(which)), shown)

    def _count(self, what: str, which: Mask) -> None:
        self._met.odd[what] += int(np.count_nonzero(which))


def _whole(columns: Columns, term: str) -> tuple[Whole, Mask]:
    if term in columns:
        return columns.whole(term)
    return np.zeros(columns.count, np.int64), np.ones(columns.count, np.bool_)


def _table_of_causes(delivered: frozenset[int]) -> NDArray[np.uint8]:
    """Q.850 cause -> outcome of an attempt that was not answered."""
    table = np.full(256, Outcome.FAILED, np.uint8)
    for cause, outcome in OF_CAUSE.items():
        table[cause] = outcome
    for cause in delivered:
        # A cause that already means something keeps its meaning: the site only says what else
        # counts as reached.
        if table[cause] == Outcome.FAILED:
            table[cause] = Outcome.NO_ANSWER
    return table
