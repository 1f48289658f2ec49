"""Slots: which owed run was claimed, and which was finished. A claim is made once, whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.ledger.database import MOST_AT_ONCE, Database, Many, Row, Values
from monitor.ledger.encoding import milliseconds, moment, optional_moment
from monitor.ledger.table import Table

_NEWEST = "newest slots"


@dataclass(frozen=True, slots=True)
class SlotRow:
    """One owed run of a job: claimed, and finished or not. `late_seconds` is how long after its
    time it ran.
    """

    job: str
    slot_key: str
    slot_at: datetime
    claimed_at: datetime
    finished_at: datetime | None
    late_seconds: float | None


class SlotReading(Table):
    def newest_slot(self, job: str) -> SlotRow | None:
        """The latest slot of a job that was claimed."""
        known: dict[str, SlotRow | None] = self._database.memo().get(_NEWEST, {})
        if job in known:
            return known[job]
        found = self._database.row(
            "SELECT * FROM slots WHERE job = ? ORDER BY slot_at DESC LIMIT 1", (job,)
        )
        return _slot(found) if found else None

    def ask_newest_slots(self, jobs: Sequence[str]) -> None:
        """The latest slots of several jobs will be asked for: one question for all of them, where
        each is a way to a server and back.
        """
        if not self._database.DISTANT:
            return
        known: dict[str, SlotRow | None] = self._database.memo().setdefault(_NEWEST, {})
        for start in range(0, len(jobs), MOST_AT_ONCE):
            some = [job for job in jobs[start : start + MOST_AT_ONCE] if job not in known]
            rows = (
                self._database.rows(
                    "SELECT slots.* FROM slots JOIN (SELECT job, max(slot_at) AS at FROM slots"  # noqa: S608 - marks
                    f" WHERE job IN ({', '.join('?' for _ in some)}) GROUP BY job) AS newest"
                    " ON slots.job = newest.job AND slots.slot_at = newest.at",
                    some,
                )
                if some
                else ()
            )
            known.update(dict.fromkeys(some))
            known.update((row["job"], _slot(row)) for row in rows)

    def slots(self, job: str, since: datetime) -> list[SlotRow]:
        """What was claimed of a job for a moment from `since` on, the oldest first."""
        rows = self._database.rows(
            "SELECT * FROM slots WHERE job = ? AND slot_at >= ? ORDER BY slot_at, slot_key",
            (job, milliseconds(since)),
        )
        return [_slot(row) for row in rows]

    def slot(self, job: str, slot_key: str) -> SlotRow | None:
        """The slot of a job under this key; None where nobody has claimed it."""
        found = self._database.row(
            "SELECT * FROM slots WHERE job = ? AND slot_key = ?", (job, slot_key)
        )
        return _slot(found) if found else None

    def unfinished_slots(self) -> list[SlotRow]:
        """Claimed and never finished: what a crash has left, the oldest first."""
        only, jobs = self._of_names("job")
        rows = self._database.rows(
            f"SELECT * FROM slots WHERE finished_at IS NULL{only}"  # noqa: S608 - constants
            " ORDER BY slot_at, job, slot_key",
            jobs,
        )
        return [_slot(row) for row in rows]


class SlotWriting(Table):
    def claim(self, job: str, slot_key: str, slot_at: datetime, now: datetime) -> bool:
        """Claim a run; False when it was claimed before."""
        self._database.memo().get(_NEWEST, {}).pop(job, None)
        # The primary key decides who claims it, also between two processes that ask at the same
        # moment.
        made = self._database.change(
            "INSERT INTO slots (job, slot_key, slot_at, claimed_at) VALUES (?, ?, ?, ?) ON CONFLICT"
            " DO NOTHING",
            (job, slot_key, milliseconds(slot_at), milliseconds(now)),
        )
        return made == 1

    def unclaim(self, job: str, slot_key: str) -> None:
        """A claim that was made on a wrong clock, which ran ahead, counts no more."""
        self._database.memo().get(_NEWEST, {}).pop(job, None)
        self._database.change("DELETE FROM slots WHERE job = ? AND slot_key = ?", (job, slot_key))

    def finish(self, job: str, slot_key: str, now: datetime, late_seconds: float = 0.0) -> None:
        """The run is over. Raises LookupError for a slot that nobody claimed, before the
        transaction ends.
        """
        row = (job, slot_key, milliseconds(now), late_seconds)
        self._database.gather(_FINISHED, (job, slot_key), row)


def _all_claimed(_: Database, given: Sequence[Values], finished: Sequence[Row]) -> None:
    there = {(row["job"], row["slot_key"]) for row in finished}
    for job, slot_key, *_rest in given:
        if (job, slot_key) not in there:
            raise LookupError(f"slot {slot_key!r} of {job!r} was never claimed")


_FINISHED = Many(
    (("job", "TEXT"), ("slot_key", "TEXT"), ("at", "BIGINT"), ("late", "DOUBLE PRECISION")),
    "UPDATE slots SET finished_at = these.at, late_seconds = these.late FROM these"
    " WHERE slots.job = these.job AND slots.slot_key = these.slot_key"
    " RETURNING slots.job AS job, slots.slot_key AS slot_key",
    _all_claimed,
)


def _slot(row: Row) -> SlotRow:
    return SlotRow(
        row["job"],
        row["slot_key"],
        moment(row["slot_at"]),
        moment(row["claimed_at"]),
        optional_moment(row["finished_at"]),
        row["late_seconds"],
    )
