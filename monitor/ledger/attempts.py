"""Attempts: what each look saw and what was judged of it. Written once, never changed.

The rows lie by check and time (WITHOUT ROWID: half the size, and a day of one check is one stretch
of disk). An attempt's id is made of both: check number and milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from checks.body import Unreadable
from checks.contract import Observation
from monitor.core.verdict import State, Verdict
from monitor.ledger import bodies, encoding
from monitor.ledger.database import MOST_AT_ONCE, Database, Many, Row, Values
from monitor.ledger.table import Table

_NUMBERS = "check numbers"
Purpose = Literal["scheduled", "confirm", "recheck", "diagnose", "once"]
# 42 bits of milliseconds reach the year 2109; the 21 above them, in SQLite's signed 64, hold two
# million checks.
_TIME_BITS = 42
_NEVER = (1 << _TIME_BITS) - 1
_COLUMNS = "check_number, started_at, name, kind, purpose, muted, state, observation, verdict"
_SEEN = "started_at, name, observation"
# A second attempt within the same millisecond is no error here: `record` moves it on and tries
# again.
_RECORD = (
    "INSERT INTO attempts (check_number, started_at, kind, purpose, muted, state, observation,"
    " verdict) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (check_number, started_at) DO NOTHING"
)
_FROM = "attempts JOIN check_names ON number = check_number"


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt, whole."""

    id: int
    check: str
    kind: str
    purpose: Purpose
    started_at: datetime
    observation: Observation
    verdict: Verdict
    muted: bool


class AttemptReading(Table):
    def attempts(
        self, check: str | None = None, limit: int = 20, since: datetime | None = None
    ) -> list[AttemptRow]:
        """The newest attempts first, of one check or of all."""
        names = [check] if check is not None else self._names()
        earliest = encoding.milliseconds(since) if since else 0
        found = [row for name in names for row in self._newest(name, limit, earliest)]
        found.sort(key=lambda row: (row["started_at"], row["check_number"]), reverse=True)
        return [_attempt(row) for row in found[:limit]]

    def _names(self) -> list[str]:
        only, names = self._of_names("name")
        rows = self._database.rows(
            f"SELECT name FROM check_names WHERE TRUE{only}",  # noqa: S608 - constants
            names,
        )
        return [row["name"] for row in rows]

    def attempt(self, identity: int) -> AttemptRow | None:
        """The attempt that `record` gave this id."""
        number, started_at = identity >> _TIME_BITS, identity & _NEVER
        found = self._database.row(
            # Only constants are put into the text; what comes from outside is bound.
            f"SELECT {_COLUMNS} FROM {_FROM} "  # noqa: S608 - constants
            "WHERE check_number = ? AND started_at = ?",
            (number, started_at),
        )
        return _attempt(found) if found else None

    def attempts_within(
        self, check: str, since: datetime, until: datetime, limit: int = 200
    ) -> list[AttemptRow]:
        """The attempts of a check that began within a time, both ends included, the newest
        first.
        """
        span = (encoding.milliseconds(since), encoding.milliseconds(until))
        return [_attempt(row) for row in self._newest(check, limit, *span)]

    def observations(
        self, check: str, limit: int, since: datetime
    ) -> list[tuple[datetime, Observation]]:
        """When each of the newest attempts of a check began, and what was seen; no verdict is read
        for it.
        """
        rows = self._newest(check, limit, encoding.milliseconds(since), columns=_SEEN)
        return [(encoding.moment(row["started_at"]), _observed(row)) for row in rows]

    def bad_exhibits(self, since: datetime, limit: int) -> list[str]:
        """The path of the first exhibit of each look since a moment that was not OK, the newest of
        each check first. Of a look nothing else is brought into memory: there may be many.
        """
        path = self._database.FIRST_EXHIBIT
        rows = self._database.rows(
            f"SELECT {path} AS path FROM attempts "  # noqa: S608 - constants
            "WHERE check_number IN (SELECT number FROM check_names) AND started_at >= ?"
            f" AND state <> 'OK' AND {path} IS NOT NULL"
            " ORDER BY check_number, started_at DESC LIMIT ?",
            (encoding.milliseconds(since), limit),
        )
        return [str(row["path"]) for row in rows]

    def _newest(
        self, name: str, limit: int, earliest: int, latest: int = _NEVER, columns: str = _COLUMNS
    ) -> Sequence[Row]:
        return self._database.rows(
            f"SELECT {columns} FROM {_FROM} "  # noqa: S608 - constants
            "WHERE check_number = (SELECT number FROM check_names WHERE name = ?) AND started_at"
            " BETWEEN ? AND ? "
            "ORDER BY started_at DESC LIMIT ?",
            (name, earliest, latest, limit),
        )


class AttemptWriting(Table):
    def ask_numbers(self, checks: Sequence[str]) -> None:
        """Attempts of several checks will be kept: what their numbers are is one question, and to
        give numbers to those that are new is another.
        """
        if not self._database.DISTANT:
            return
        known: dict[str, int] = self._database.lasting.setdefault(_NUMBERS, {})
        given: dict[str, int] = self.memo().setdefault(_NUMBERS, {})
        new = [
            check for check in dict.fromkeys(checks) if check not in given and check not in known
        ]
        for start in range(0, len(new), MOST_AT_ONCE):
            some = new[start : start + MOST_AT_ONCE]
            marks = ", ".join("?" for _ in some)
            rows = self._database.rows(
                f"SELECT name, number FROM check_names WHERE name IN ({marks})",  # noqa: S608 - marks
                some,
            )
            known.update((row["name"], row["number"]) for row in rows)
            if left := [(check,) for check in some if check not in known]:
                rows = self._database.change_these(_NUMBERED, left)
                given.update((row["name"], row["number"]) for row in rows)

    def keep_attempt(
        self,
        check: str,
        kind: str,
        purpose: Purpose,
        started_at: datetime,
        observation: Observation,
        verdict: Verdict,
        muted: bool = False,
    ) -> None:
        """Keep an attempt, as `record` does, where nobody asks for its id: on a server it may be
        written together with others.
        """
        if not self._database.DISTANT:
            self.record(check, kind, purpose, started_at, observation, verdict, muted)
            return
        said = _said(kind, purpose, observation, verdict, muted)
        row = (self._number(check), encoding.milliseconds(started_at), *said)
        self._database.gather(_KEPT, object(), row)

    def record(
        self,
        check: str,
        kind: str,
        purpose: Purpose,
        started_at: datetime,
        observation: Observation,
        verdict: Verdict,
        muted: bool = False,
    ) -> int:
        """Keep an attempt; returns its id. Two of one check in the same millisecond: the second
        moves on by one.
        """
        number, started = self._number(check), encoding.milliseconds(started_at)
        said = _said(kind, purpose, observation, verdict, muted)
        return number << _TIME_BITS | _write(self._database, number, started, said)

    def _number(self, check: str) -> int:
        # Numbers are given once and never change, so one look-up per check and process is enough;
        # but for one that a transaction gave which may yet be undone.
        known: dict[str, int] = self._database.lasting.setdefault(_NUMBERS, {})
        given: dict[str, int] = self.memo().setdefault(_NUMBERS, {})
        if check in known or check in given:
            return known[check] if check in known else given[check]
        found = self._database.row("SELECT number FROM check_names WHERE name = ?", (check,))
        if found is not None:
            return known.setdefault(check, int(found["number"]))
        new = "INSERT INTO check_names (name) VALUES (?) RETURNING number"
        return given.setdefault(check, self._database.added(new, (check,)))


def _said(
    kind: str, purpose: Purpose, observation: Observation, verdict: Verdict, muted: bool
) -> tuple[str, str, int, str, str, str]:
    return (
        kind,
        purpose,
        int(muted),
        verdict.state.value,
        encoding.packed(encoding.observation_body(observation)),
        encoding.packed(encoding.verdict_body(verdict)),
    )


def _moved_on(database: Database, given: Sequence[Values], kept: Sequence[Row]) -> None:
    """Those that met another of the same millisecond are written one by one."""
    there = {(row["check_number"], row["started_at"]) for row in kept}
    for number, started, *said in given:
        if (number, started) in there:
            there.discard((number, started))  # a second one of this batch was not kept
            continue
        _write(database, int(number or 0), int(started or 0), said)


def _write(database: Database, number: int, started: int, said: Values) -> int:
    """Gives the millisecond under which it is kept."""
    while not database.change(_RECORD, (number, started, *said)):
        started += 1
    return started


_RECORD_COLUMNS = (
    ("check_number", "BIGINT"),
    ("started_at", "BIGINT"),
    ("kind", "TEXT"),
    ("purpose", "TEXT"),
    ("muted", "BIGINT"),
    ("state", "TEXT"),
    ("observation", "TEXT"),
    ("verdict", "TEXT"),
)
_NUMBERED = Many(
    (("name", "TEXT"),),
    "INSERT INTO check_names (name) SELECT name FROM these WHERE TRUE ON CONFLICT DO NOTHING"
    " RETURNING name, number",
)
_NAMED = ", ".join(name for name, _ in _RECORD_COLUMNS)
_KEPT = Many(
    _RECORD_COLUMNS,
    f"INSERT INTO attempts ({_NAMED}) SELECT {_NAMED} FROM these WHERE TRUE"  # noqa: S608 - constants
    " ON CONFLICT (check_number, started_at) DO NOTHING RETURNING check_number, started_at",
    _moved_on,
)


def _attempt(row: Row) -> AttemptRow:
    observation, verdict = _told(row)
    return AttemptRow(
        id=row["check_number"] << _TIME_BITS | row["started_at"],
        check=row["name"],
        kind=row["kind"],
        purpose=row["purpose"],
        started_at=encoding.moment(row["started_at"]),
        observation=observation,
        verdict=verdict,
        muted=bool(row["muted"]),
    )


def _observed(row: Row) -> Observation:
    try:
        return bodies.OBSERVATION.read(encoding.unpacked(row["observation"]), row["name"])
    except Unreadable as why:
        return Observation(blind=str(why))


def _told(row: Row) -> tuple[Observation, Verdict]:
    """What was seen and judged; of a row that this program cannot read nothing is known, and it
    says so.
    """
    try:
        seen = bodies.OBSERVATION.read(encoding.unpacked(row["observation"]), row["name"])
        told = {"state": row["state"], **encoding.unpacked(row["verdict"])}
        return seen, bodies.VERDICT.read(told, row["name"])
    # A row of a newer release is not taken for a good look: it counts as one that could not tell.
    except Unreadable as why:
        return Observation(blind=str(why)), Verdict(State.UNKNOWN, (str(why),))
