"""Slots: which owed run was claimed, and which was finished. A claim is made once, whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.ledger.database import Row
from monitor.ledger.encoding import milliseconds, moment, optional_moment
from monitor.ledger.table import Table


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
        found = self._database.row(
            "SELECT * FROM slots WHERE job = ? ORDER BY slot_at DESC LIMIT 1", (job,)
        )
        return _slot(found) if found else None

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
        self._database.change("DELETE FROM slots WHERE job = ? AND slot_key = ?", (job, slot_key))

    def finish(self, job: str, slot_key: str, now: datetime, late_seconds: float = 0.0) -> None:
        """The run is over. Raises LookupError for a slot that nobody claimed."""
        done = self._database.change(
            "UPDATE slots SET finished_at = ?, late_seconds = ? WHERE job = ? AND slot_key = ?",
            (milliseconds(now), late_seconds, job, slot_key),
        )
        if done != 1:
            raise LookupError(f"slot {slot_key!r} of {job!r} was never claimed")


def _slot(row: Row) -> SlotRow:
    return SlotRow(
        row["job"],
        row["slot_key"],
        moment(row["slot_at"]),
        moment(row["claimed_at"]),
        optional_moment(row["finished_at"]),
        row["late_seconds"],
    )
