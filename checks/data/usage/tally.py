"""The counts of one day, gathered bucket by bucket: whole numbers only. Pure; only for the child
process.

A call belongs to the day in which it begins, with all its talk; the sweep (`traffic`) takes of
every call what lies within the day.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from checks.data.usage.day import Day
from checks.data.usage.leg_rows import GROUPS, Names, Rows
from checks.data.usage.record_formats import ABANDONED, DELIVERED, Outcome
from checks.data.usage.timestamps import Mask
from checks.data.usage.traffic import Sweep


@dataclass(frozen=True, slots=True)
class Rules:
    """`answer_seconds`: the T of the service level; `short_seconds`: who gives up so soon was no
    abandoned call.
    """

    answer_seconds: int = 20
    short_seconds: int = 5


@dataclass(slots=True)
class Counts:
    """What calls come to; seconds are sums over the calls."""

    offered: int = 0
    """seizures"""
    answered: int = 0
    delivered: int = 0
    """the far end was reached: answered, busy, no answer, rejected, given up while it rang"""
    abandoned: int = 0
    """given up after more than the short time"""
    short_abandoned: int = 0
    answered_in_time: int = 0
    """within T"""
    abandoned_in_time: int = 0
    """after more than the short time, within T"""
    talk_seconds: int = 0
    wait_seconds: int = 0
    """until the answer, of the answered ones"""

    def add(self, other: Counts) -> None:
        """Add the other counts to these."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


MEASURED = tuple(field.name for field in fields(Counts))


class Tally:
    """The counts of one day."""

    def __init__(self, day: Day, rules: Rules) -> None:
        self.day, self.rules = day, rules
        self.own = self.crossed_in = self.crossed_out = 0
        self.longest_wait_seconds = 0
        self.sweep = Sweep(day.begin, day.end)
        self._hours = np.array([hour.begin for hour in day.hours()], np.int64)
        self._by: dict[str, NDArray[np.int64]] = {
            group: np.zeros((0, len(MEASURED)), np.int64) for group in ("hour", *GROUPS)
        }
        self._causes = np.zeros((256, 256), np.int64)

    def add(self, calls: Rows) -> None:
        """Count these calls as far as they are this day's."""
        # Also calls that only reach into the day: they count for traffic and concurrency, and not
        # as offered.
        near = (calls["start"] < self.day.end) & (calls["end"] >= self.day.begin)
        if not near.any():
            return
        calls = calls[near]
        begun = calls["start"] >= self.day.begin
        self.own += int(np.count_nonzero(calls["own"] & begun))
        # Reveille's own test calls are told apart and count in nothing else.
        foreign = ~calls["own"]
        calls, begun = calls[foreign], begun[foreign]
        self.sweep.add(calls["start"], calls["end"])
        self.crossed_in += int(np.count_nonzero(~begun & (calls["end"] > self.day.begin)))
        self.crossed_out += int(np.count_nonzero(calls["end"] > self.day.end))
        calls = calls[begun]
        if len(calls):
            self._count(calls)

    def total(self) -> Counts:
        """The counts of the whole day."""
        return _counts(self._by["hour"].sum(axis=0)) if len(self._by["hour"]) else Counts()

    def hours(self) -> list[Counts]:
        """Hour by hour, in the order of `Day.hours`."""
        empty = np.zeros(len(MEASURED), np.int64)
        table = self._by["hour"]
        return [_counts(table[at] if at < len(table) else empty) for at in range(len(self._hours))]

    def groups(self, group: str, names: Names) -> dict[str, Counts]:
        """By trunk, DID, agent or queue; calls without a name have no part in it."""
        found: dict[str, Counts] = {}
        table = self._by[group]
        for code in np.flatnonzero(table[:, 0]):
            if code:
                found.setdefault(names.told(group, int(code)), Counts()).add(_counts(table[code]))
        return found

    def failures(self) -> list[tuple[Outcome, int, int]]:
        """What was not answered: outcome, Q.850 cause (0: none), how often; the most frequent
        first.
        """
        found = [
            (Outcome(int(outcome)), int(cause), int(self._causes[outcome, cause]))
            for outcome, cause in zip(*np.nonzero(self._causes), strict=True)
        ]
        return sorted(found, key=lambda failure: (-failure[2], failure[1], failure[0]))

    def _count(self, calls: Rows) -> None:
        measured = _measured(calls, self.rules)
        answered = measured[1] > 0
        if answered.any():
            self.longest_wait_seconds = max(
                self.longest_wait_seconds, int(calls["wait"][answered].max())
            )
        hour = np.searchsorted(self._hours, calls["start"], "right") - 1
        for group in ("hour", *GROUPS):
            codes = hour if group == "hour" else calls[group]
            # A format without queues has only zeros there: no table is made for it.
            if group == "hour" or codes.any():
                self._by[group] = _added(self._by[group], codes, measured)
        failed = calls[~answered]
        pairs = failed["outcome"].astype(np.int64) * 256 + failed["cause"]
        # Outcome and cause as one number of two bytes: one count for all pairs.
        self._causes += np.bincount(pairs, minlength=256 * 256).reshape(256, 256)


def _measured(calls: Rows, rules: Rules) -> list[NDArray[np.int64]]:
    """For each call what it adds, in the order of `Counts`."""
    outcome, wait = calls["outcome"], calls["wait"]
    answered = outcome == Outcome.ANSWERED
    given_up = np.isin(outcome, np.array(ABANDONED, np.uint8))
    abandoned, soon = given_up & (wait > rules.short_seconds), wait <= rules.answer_seconds
    masks: list[Mask] = [
        np.ones(len(calls), np.bool_),
        answered,
        np.isin(outcome, np.array(DELIVERED, np.uint8)),
        abandoned,
        given_up & ~abandoned,
        answered & soon,
        abandoned & soon,
    ]
    sums = [np.where(answered, calls["talk"], 0), np.where(answered, wait, 0)]
    return [*(mask.astype(np.int64) for mask in masks), *(one.astype(np.int64) for one in sums)]


def _added(
    table: NDArray[np.int64], codes: Rows, measured: list[NDArray[np.int64]]
) -> NDArray[np.int64]:
    """The table by code with these added. Sums of seconds are exact: they stay far below 2**53."""
    size = max(len(table), int(codes.max()) + 1)
    grown = np.zeros((size, len(measured)), np.int64)
    grown[: len(table)] = table
    for column, values in enumerate(measured):
        # bincount sums in floating point, which is exact for whole numbers below 2^53.
        grown[:, column] += np.bincount(codes, weights=values, minlength=size).astype(np.int64)
    return grown


def _counts(row: NDArray[np.int64]) -> Counts:
    return Counts(*(int(value) for value in row))
