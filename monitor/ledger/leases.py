"""Leases: of several daemons on one ledger, which may do a job, and until when.

Rules:
1. A job (a check's looks, the watch, an audit) is held by one at a time. Jobs are claimed in
   batches, and claimants never wait for each other (SKIP LOCKED).
2. Time is the database's: a host whose clock is wrong neither keeps a lease nor takes one early.
   Where that clock itself goes back, what was done up to a later moment says nothing any more, and
   what is held into a time to come is held for as long as anything is (monitor/ledger/hosts.py).
3. Each claim has a fence that is greater than all before. What a holder settles under an older
   fence, or after its time, is refused, and with it the whole transaction that it stands in.
4. A job has one row for ever: ten thousand looks a minute leave nothing to be cleared away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar

from monitor.ledger.database import MOST_AT_ONCE, Database, Many, Row, Values
from monitor.ledger.encoding import milliseconds, moment
from monitor.ledger.table import Table

_One = TypeVar("_One")
_MILLISECOND = timedelta(milliseconds=1)


class LeaseLost(Exception):
    """A job was settled by somebody whose lease of it was over; nothing of that is kept."""

    def __init__(self, job: str) -> None:
        super().__init__(
            f"the lease of {job!r} was over before it was settled: somebody else has it, or may"
            " take it"
        )
        self.job = job


@dataclass(frozen=True, slots=True)
class Lease:
    """A job that its holder may do until a moment of the database's clock."""

    job: str
    fence: int
    until: datetime
    done_to: datetime
    """the newest moment for which it was done; 1970 where it never was"""


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """How a job stands: who had it last, and whether it is held now."""

    job: str
    holder: str
    held: bool
    done_to: datetime


class LeaseReading(Table):
    def now(self) -> datetime:
        """What time it is to the database."""
        found = self._database.row(f"SELECT {self._database.NOW} AS at")
        assert found is not None  # noqa: S101 - a statement without a table has one row
        return moment(found["at"])

    def lease_rows(self, jobs: Sequence[str]) -> dict[str, LeaseRow]:
        """How these jobs stand; without those that nobody ever had."""
        held = f"CASE WHEN {self._is_held()} THEN 1 ELSE 0 END AS held"
        found = dict[str, LeaseRow]()
        for some, marks in _batches(jobs):
            rows = self._database.rows(
                f"SELECT job, holder, done_to, {held} FROM leases WHERE job IN ({marks})",  # noqa: S608 - marks
                some,
            )
            found |= {row["job"]: _standing(row) for row in rows}
        return found

    def claim_leases(self, holder: str, jobs: Sequence[str], length: timedelta) -> list[Lease]:
        """Claim those of the jobs that nobody holds, all at once; what was got. By itself, outside
        a transaction.
        """
        got = list[Lease]()
        for some, _ in _batches(sorted(jobs)):
            got += self._claimed(holder, some, length)
            left = set(some).difference(lease.job for lease in got)
            if new := sorted(left.difference(self.lease_rows(sorted(left)))) if left else []:
                self._begin(new)
                got += self._claimed(holder, new, length)
        return got

    def renew_leases(self, leases: Sequence[Lease], length: timedelta) -> set[str]:
        """Hold them for longer; the jobs that are held still."""
        now, more = self._database.NOW, length // _MILLISECOND
        return self._until(leases, f"{now} + CAST({more} AS BIGINT)", f"AND leases.until >= {now}")

    def free_leases(self, leases: Sequence[Lease]) -> None:
        """Let somebody else do them; those that are lost already stay as they are. By itself."""
        self._until(leases, "0")

    def _until(self, leases: Sequence[Lease], until: str, where: str = "") -> set[str]:
        """Have leases last until then; the jobs of those that are as they were claimed."""
        found = set[str]()
        for some, _ in _batches([(lease.job, lease.fence) for lease in leases]):
            listed = ", ".join("(CAST(? AS TEXT), CAST(? AS BIGINT))" for _ in some)
            rows = self._database.change_alone(
                f"WITH these (job, fence) AS (VALUES {listed})"  # noqa: S608 - marks, and numbers
                f" UPDATE leases SET until = {until} FROM these WHERE leases.job = these.job"
                f" AND leases.fence = these.fence {where} RETURNING leases.job AS job",
                [value for pair in some for value in pair],
            )
            found |= {row["job"] for row in rows}
        return found

    def _is_held(self) -> str:
        return f"until >= {self._database.NOW}"

    def _begin(self, jobs: Sequence[str]) -> None:
        # In order, so that two hosts that begin the same jobs do not wait for each other crosswise.
        if jobs:
            rows = ", ".join("(?)" for _ in jobs)
            self._database.change_alone(
                f"INSERT INTO leases (job) VALUES {rows} ON CONFLICT DO NOTHING"  # noqa: S608 - marks
                " RETURNING job",
                jobs,
            )

    def _claimed(self, holder: str, jobs: Sequence[str], length: timedelta) -> list[Lease]:
        database, marks = self._database, ", ".join("?" for _ in jobs)
        rows = database.change_alone(
            "WITH free AS MATERIALIZED (SELECT job FROM leases"  # noqa: S608 - constants
            f" WHERE job IN ({marks}) AND NOT ({self._is_held()}) ORDER BY job"
            f" {database.SKIP_LOCKED})"
            " UPDATE leases SET holder = ?, fence = fence + 1,"
            f" until = {database.NOW} + CAST(? AS BIGINT) FROM free WHERE leases.job = free.job"
            " RETURNING leases.job AS job, fence, until, done_to",
            (*jobs, holder, length // _MILLISECOND),
        )
        return [_lease(row) for row in rows]


class LeaseWriting(Table):
    def hold_lease(self, lease: Lease) -> None:
        """What stands in this transaction is done under a lease that goes on. Raises LeaseLost."""
        # Taken for this transaction: nobody can claim it before that is over.
        found = self._database.row(
            "SELECT fence FROM leases WHERE job = ? AND fence = ?"  # noqa: S608 - constants
            f" AND until >= {self._database.NOW} {self._database.SKIP_LOCKED}",
            (lease.job, lease.fence),
        )
        if found is None:
            raise LeaseLost(lease.job)

    def settle_lease(self, lease: Lease, done_to: datetime | None = None) -> None:
        """The job is done, up to a moment, and free again; what it came to stands in this
        transaction. Raises LeaseLost, before the transaction ends.
        """
        at = milliseconds(done_to) if done_to else -1
        settled = _settled(self._database.NOW)
        self._database.gather(settled, lease.job, (lease.job, lease.fence, at))


@cache
def _settled(now: str) -> Many:
    """How leases are settled, by what the engine calls the time. `at` is -1 where no moment is."""
    return Many(
        (("job", "TEXT"), ("fence", "BIGINT"), ("at", "BIGINT")),
        "UPDATE leases SET until = 0,"  # noqa: S608 - a constant
        " done_to = CASE WHEN these.at < 0 THEN leases.done_to ELSE these.at END FROM these"
        " WHERE leases.job = these.job AND leases.fence = these.fence"
        f" AND leases.until >= {now} RETURNING leases.job AS job",
        _none_lost,
    )


def _none_lost(_: Database, given: Sequence[Values], settled: Sequence[Row]) -> None:
    kept = {str(row["job"]) for row in settled}
    for job, *_rest in given:
        if str(job) not in kept:
            raise LeaseLost(str(job))


def _batches(values: Sequence[_One]) -> Iterator[tuple[Sequence[_One], str]]:
    """Some at a time, with a mark for each."""
    for start in range(0, len(values), MOST_AT_ONCE):
        some = values[start : start + MOST_AT_ONCE]
        yield some, ", ".join("?" for _ in some)


def _standing(row: Row) -> LeaseRow:
    return LeaseRow(row["job"], row["holder"], bool(row["held"]), moment(row["done_to"]))


def _lease(row: Row) -> Lease:
    return Lease(row["job"], row["fence"], moment(row["until"]), moment(row["done_to"]))
