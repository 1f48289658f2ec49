"""What the ledger says of a longer time: how a check stood, what was open, in few rows.

Rule: what whole days come to is worked out by the database, so that no reader has a month of
looks in its memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from checks.body import Unreadable
from monitor.core.availability import Run
from monitor.core.rollup import Look
from monitor.core.verdict import State, Verdict
from monitor.ledger import bodies, encoding
from monitor.ledger.database import Row
from monitor.ledger.incidents import IncidentRow, incident_row
from monitor.ledger.look_terms import LOOKS_WITHIN
from monitor.ledger.rollups import RollupReading, state_of
from monitor.ledger.sampling import COUNT_LOOKS, EVERY_LOOK, Sampled

# A look begins a run where it says something else than the one before, or comes after a gap.
_RUNS = f"""
WITH looks AS (
    SELECT started_at, state, muted,
           lag(started_at) OVER ordered AS before_at,
           lag(state) OVER ordered AS before,
           lag(muted) OVER ordered AS before_muted
    {LOOKS_WITHIN}
    WINDOW ordered AS (ORDER BY started_at)
)
SELECT started_at, state, muted, before_at FROM looks
WHERE before IS NULL OR before <> state OR before_muted <> muted OR started_at - before_at > ?
ORDER BY started_at
"""  # noqa: S608 - constants
# For most checks this is asked within the tables of the last days alone. By `+` each name has its
# looks found, and no planner goes through all looks for their names.
_NEWEST = (
    "SELECT name, state, verdict FROM check_names JOIN attempts ON check_number = +number"
    " AND started_at = (SELECT max(newest.started_at) FROM attempts AS newest"
    " WHERE newest.check_number = number AND newest.started_at >= ?) WHERE name IN"
)
_SINCE = (
    "SELECT name, started_at, state, muted FROM check_names JOIN attempts ON check_number = +number"
    " AND started_at > ? AND started_at < ? WHERE name IN"
)
_OF_LATE = timedelta(days=2)
# SQLite takes 32 766 values in one statement.
_MOST_AT_ONCE = 500
_STATES = frozenset(state.value for state in State)


class StandingReading(RollupReading):
    def newest_verdicts(self, checks: Collection[str], now: datetime) -> dict[str, Verdict]:
        """What the newest look of each check came to, in a question or two; without those that were
        never looked at.
        """
        rows = self._newest_of(list(checks), encoding.milliseconds(now - _OF_LATE))
        missing = set(checks) - {row["name"] for row in rows}
        rows += self._newest_of(list(missing), 0)
        return {row["name"]: _verdict(row) for row in rows}

    def _newest_of(self, names: list[str], since: int) -> list[Row]:
        found: list[Row] = []
        for some in _some(names):
            found += self._database.rows(f"{_NEWEST} ({_marks(some)})", (since, *some))
        return found

    def runs(self, check: str, start: datetime, end: datetime, holds: timedelta) -> tuple[Run, ...]:
        """How a check stood from `start` to `end`: looks in a row that said the same and came no
        later than `holds` after each other; the look that `start` fell under too. Of days whose
        looks are gone it says the same, out of their roll-ups.
        """
        rolled = self.rolled_runs(check, start - holds, end)
        looked = self._runs_of_looks(check, start, end, holds)
        # A day whose roll-up was put off lies between two that were not.
        return tuple(sorted((*rolled, *looked), key=lambda run: run.first))

    def _runs_of_looks(
        self, check: str, start: datetime, end: datetime, holds: timedelta
    ) -> tuple[Run, ...]:
        since = self._last_look(check, start, holds)
        least = encoding.milliseconds(since)
        most = encoding.milliseconds(end)
        gap = holds // timedelta(milliseconds=1)
        rows = self._database.rows(_RUNS, (check, least, most, gap))
        if not rows:
            return ()
        newest = self._database.row(
            f"SELECT max(started_at) AS at {LOOKS_WITHIN}",
            (check, least, most),
        )
        ends = [row["before_at"] for row in rows[1:]] + [newest["at"] if newest else None]
        return tuple(
            Run(
                encoding.moment(row["started_at"]),
                encoding.moment(last),
                state_of(row["state"]),
                bool(row["muted"]),
            )
            for row, last in zip(rows, ends, strict=True)
        )

    def looks_since(self, checks: Mapping[str, datetime], end: datetime) -> dict[str, list[Look]]:
        """Of each check what it came to after its moment and before `end`, in the order of time and
        without measures, in one question for all (or for some hundred).
        """
        found: dict[str, list[Look]] = {}
        most = encoding.milliseconds(end)
        for some in _some(list(checks)):
            least = encoding.milliseconds(min(checks[name] for name in some))
            for row in self._database.rows(f"{_SINCE} ({_marks(some)})", (least, most, *some)):
                at, name = encoding.moment(row["started_at"]), row["name"]
                if at > checks[name]:
                    look = Look(at, "", state_of(row["state"]), bool(row["muted"]), 0.0)
                    found.setdefault(name, []).append(look)
        for looks in found.values():
            looks.sort(key=lambda look: look.at)
        return found

    def incidents_within(self, start: datetime, end: datetime) -> list[IncidentRow]:
        """Those that were open at any time between, the oldest first."""
        only, site = self._of_site()
        rows = self._database.rows(
            "SELECT * FROM incidents WHERE opened_at < ? AND"  # noqa: S608 - constants
            f" (closed_at IS NULL OR closed_at >= ?){only} ORDER BY number",
            (encoding.milliseconds(end), encoding.milliseconds(start), *site),
        )
        return [incident_row(row) for row in rows]

    def looks_after(self, number: dict[str, int]) -> Iterator[tuple[str, str, str, int, int]]:
        """What was looked at after a moment that each check has (milliseconds): its name, kind and
        state, how often, and the last of these moments.
        """
        for name, after in number.items():
            for row in self._database.rows(
                "SELECT kind, state, count(*) AS looks, max(started_at) AS at FROM attempts"
                " WHERE check_number = (SELECT number FROM check_names WHERE name = ?)"
                " AND started_at > ? GROUP BY kind, state",
                (name, after),
            ):
                yield name, row["kind"], row["state"], row["looks"], row["at"]

    def sampled(self, check: str, start: datetime, end: datetime, most: int) -> Sampled:
        """What is to be read of a check's looks in a time, so that it is about `most` of those that
        were good, and as many of the others.
        """
        span = (encoding.milliseconds(start), encoding.milliseconds(end))
        row = self._database.row(COUNT_LOOKS, (check, *span))
        looks, good = (int(row["looks"]), int(row["good"] or 0)) if row else (0, 0)
        return Sampled(max(1, -(-good // most)), max(1, -(-(looks - good) // most)))

    def measured(
        self,
        check: str,
        start: datetime,
        end: datetime,
        cells: int,
        sampled: Sampled = EVERY_LOOK,
    ) -> Iterator[tuple[str, datetime, float]]:
        """Every measure of a check as the mean of each of so many cells of a time: its name, the
        middle of the cell, the mean; "seconds" is the whole look. In the order of time.
        """
        least, most = encoding.milliseconds(start), encoding.milliseconds(end)
        size = max(1, (most - least) // cells)
        # How many, and their sum.
        found: dict[tuple[int, str], tuple[int, float]] = {}
        asked = (least, size, *sampled, check, least, most, *sampled)
        for row in self._database.rows(self._database.MEASURED, asked):
            number = int(row["n"])
            found[row["cell"], str(row["name"])] = (number, number * float(row["mean"]))
        half = timedelta(minutes=30)
        for hour in self.rolled_hours(check, start - half, end - half):
            cell = (encoding.milliseconds(hour.at + half) - least) // size
            for name, spread in hour.counts.measures.items():
                number, total = found.get((cell, name), (0, 0.0))
                found[cell, name] = (number + spread.n, total + spread.n * spread.mean)
        for (cell, name), (number, total) in sorted(found.items()):
            yield name, encoding.moment(least + cell * size + size // 2), total / number

    def began(self) -> datetime | None:
        """When the first thing happened that it knows of."""
        found = self._database.row(
            "SELECT at FROM history WHERE id = (SELECT min(id) FROM history)"
        )
        return encoding.moment(found["at"]) if found else None

    def _last_look(self, check: str, start: datetime, holds: timedelta) -> datetime:
        """The look under which a moment fell; the moment itself where there is none."""
        found = self._database.row(
            "SELECT max(started_at) AS at FROM attempts WHERE check_number ="
            " (SELECT number FROM check_names WHERE name = ?) AND started_at >= ? AND"
            " started_at <= ?",
            (check, encoding.milliseconds(start - holds), encoding.milliseconds(start)),
        )
        return encoding.moment(found["at"]) if found and found["at"] is not None else start


def _some(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), _MOST_AT_ONCE):
        yield names[start : start + _MOST_AT_ONCE]


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" for _ in values)


def _verdict(row: Row) -> Verdict:
    # Most of ten thousand are good, and say no more.
    if row["verdict"] == "{}" and row["state"] in _STATES:
        return Verdict(State(row["state"]))
    try:
        told = {"state": row["state"], **encoding.unpacked(row["verdict"])}
        return bodies.VERDICT.read(told, row["name"])
    # That of a newer release is taken for none that could tell.
    except Unreadable as why:
        return Verdict(State.UNKNOWN, (str(why),))
