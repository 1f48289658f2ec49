"""Roll-ups: what is kept of the looks of days long past. What lies there of a day counts once the
day is sealed as rolled up; until then its looks do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from checks.body import Unreadable
from monitor.core.availability import Run
from monitor.core.rollup import Hour, Look
from monitor.core.verdict import State
from monitor.ledger import bodies
from monitor.ledger.database import Row
from monitor.ledger.encoding import milliseconds, moment, packed, unpacked
from monitor.ledger.hour_bodies import HOUR, hour_body
from monitor.ledger.look_terms import IN_ROLLED_DAYS, OF_CHECK
from monitor.ledger.seals import DAY_MILLISECONDS
from monitor.ledger.table import Table

_STATES = frozenset(state.value for state in State)
# So few rows go at a time that whoever wants to write meanwhile waits for milliseconds.
BATCH = 500
# Half an hour, in milliseconds: within it a ticket is opened after its first failure.
AROUND = 1_800_000


def state_of(kept: str) -> State:
    """A state of a newer release is none that is known."""
    return State(kept) if kept in _STATES else State.UNKNOWN


def look_of(row: Row) -> Look:
    """What a roll-up has to know of a row of `look_rows`; a body that cannot be read measures
    nothing.
    """
    try:
        seen = bodies.OBSERVATION.read(unpacked(row["observation"]), "look")
        seconds, measures = seen.seconds, seen.measures
    except Unreadable:
        seconds, measures = 0.0, {}
    numbers = {name: float(value) for name, value in measures.items() if _is_number(value)}
    return Look(
        moment(row["started_at"]),
        row["kind"],
        state_of(row["state"]),
        bool(row["muted"]),
        float(seconds),
        numbers,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class RollupReading(Table):
    def rolled_runs(self, check: str, start: datetime, end: datetime) -> list[Run]:
        """Runs of days that were rolled up, which lie within or reach into a time."""
        rows = self._database.rows(
            "SELECT first_at, last_at, state, muted FROM rolled_runs"  # noqa: S608 - constants
            # A run ends within its day.
            f" WHERE {OF_CHECK} AND first_at >= ? AND first_at < ? AND last_at >= ?"
            f" AND first_at {IN_ROLLED_DAYS} ORDER BY first_at",
            (check, milliseconds(start) - DAY_MILLISECONDS, milliseconds(end), milliseconds(start)),
        )
        return [
            Run(
                moment(row["first_at"]),
                moment(row["last_at"]),
                state_of(row["state"]),
                bool(row["muted"]),
            )
            for row in rows
        ]

    def rolled_hours(self, check: str, start: datetime, end: datetime) -> Iterator[Hour]:
        """Hours of days that were rolled up that begin within a time, the oldest first."""
        rows = self._database.rows(
            f"SELECT hour_at, kind, body FROM rolled_hours WHERE {OF_CHECK}"  # noqa: S608
            f" AND hour_at >= ? AND hour_at < ? AND hour_at {IN_ROLLED_DAYS} ORDER BY hour_at",
            (check, milliseconds(start), milliseconds(end)),
        )
        for row in rows:
            counts = HOUR.read(unpacked(row["body"]), check)
            yield Hour(moment(row["hour_at"]), row["kind"], counts)


class RollupWriting(Table):
    def keep_rolled(self, check: str, runs: Iterable[Run], hours: Iterable[Hour]) -> None:
        """Keep what a day of a check comes to; what an interrupted run has left stays as it is."""
        self._database.change_all(
            "INSERT INTO rolled_runs SELECT number, ?, ?, ?, ? FROM check_names WHERE name = ?"
            " ON CONFLICT DO NOTHING",
            [
                (
                    milliseconds(run.first),
                    milliseconds(run.last),
                    run.state.value,
                    int(run.planned),
                    check,
                )
                for run in runs
            ],
        )
        self._database.change_all(
            "INSERT INTO rolled_hours SELECT number, ?, ?, ? FROM check_names WHERE name = ?"
            " ON CONFLICT DO NOTHING",
            [
                (milliseconds(hour.at), hour.kind, packed(hour_body(hour.counts)), check)
                for hour in hours
            ],
        )

    def remove_looks(self, check: str, day: int) -> int:
        """Remove some looks of a day that is rolled up; returns how many, 0 once all are gone. The
        newest look of a check stays for ever, since it says why a check stands as it does; so do
        failures around the opening of a ticket, by which that is judged anew (`replay`).
        """
        return self._database.change(
            f"DELETE FROM attempts WHERE {OF_CHECK} AND started_at IN ("  # noqa: S608 - constants
            f"SELECT started_at FROM attempts WHERE {OF_CHECK} AND started_at BETWEEN ? AND ?"
            f" AND started_at < (SELECT max(started_at) FROM attempts WHERE {OF_CHECK})"
            " AND NOT (state <> 'OK' AND EXISTS (SELECT 1 FROM incidents"
            " WHERE opened_at BETWEEN started_at - ? AND started_at + ?)) LIMIT ?)",
            (check, check, *_span(day), check, AROUND, AROUND, BATCH),
        )

    def remove_rolled(self, check: str, day: int) -> int:
        """Remove the roll-ups of a check of a day; returns how many rows."""
        span = (check, *_span(day))
        return sum(
            self._database.change(
                f"DELETE FROM {table} WHERE {OF_CHECK} AND {at} BETWEEN ? AND ?",  # noqa: S608
                span,
            )
            for table, at in (("rolled_runs", "first_at"), ("rolled_hours", "hour_at"))
        )


def _span(day: int) -> tuple[int, int]:
    return day * DAY_MILLISECONDS, (day + 1) * DAY_MILLISECONDS - 1
