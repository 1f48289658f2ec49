"""Leases: of several daemons on one ledger, which may do an owed run, and until when.

Rules:
1. A run is offered once, whoever offers it; it is claimed by one holder at a time, in batches, and
   claimants never wait for each other (SKIP LOCKED).
2. Time is the database's: a host whose clock is wrong neither keeps a lease nor takes one early.
3. Each claim has a fence that is greater than all before. What a holder settles under an older
   fence, or after its time, is refused, and with it the whole transaction that it stands in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.ledger.database import Row
from monitor.ledger.encoding import milliseconds, moment
from monitor.ledger.table import Table

_MILLISECOND = timedelta(milliseconds=1)


class LeaseLost(Exception):
    """A run was settled by somebody whose lease of it was over; nothing of that is kept."""

    def __init__(self, job: str, slot_key: str) -> None:
        super().__init__(
            f"the lease of {slot_key!r} of {job!r} was over before it was settled: somebody else"
            " has it, or may take it"
        )


@dataclass(frozen=True, slots=True)
class Lease:
    """A run that its holder may do until a moment of the database's clock."""

    job: str
    slot_key: str
    slot_at: datetime
    fence: int
    until: datetime


class LeaseReading(Table):
    def now(self) -> datetime:
        """What time it is to the database."""
        found = self._database.row(f"SELECT {self._database.NOW} AS at")
        assert found is not None  # noqa: S101 - a statement without a table has one row
        return moment(found["at"])

    def claim_leases(self, holder: str, most: int, length: timedelta) -> list[Lease]:
        """Claim what is owed by now and has no holder, or one whose time is over; the oldest first,
        at most so many. By itself, outside a transaction.
        """
        database = self._database
        rows = database.change_alone(
            "WITH free AS MATERIALIZED (SELECT job, slot_key FROM leases"  # noqa: S608 - constants
            f" WHERE done_at IS NULL AND slot_at <= {database.NOW} AND until < {database.NOW}"
            f" ORDER BY slot_at, job, slot_key LIMIT ? {database.SKIP_LOCKED})"
            f" UPDATE leases SET holder = ?, fence = fence + 1, until = {database.NOW} + ?"
            " FROM free WHERE leases.job = free.job AND leases.slot_key = free.slot_key"
            " RETURNING leases.job AS job, leases.slot_key AS slot_key, slot_at, fence, until",
            (most, holder, length // _MILLISECOND),
        )
        return sorted(map(_lease, rows), key=lambda one: (one.slot_at, one.job, one.slot_key))

    def renew_lease(self, lease: Lease, length: timedelta) -> bool:
        """Hold it for longer; False where it is not held any more."""
        now = self._database.NOW
        rows = self._database.change_alone(
            f"UPDATE leases SET until = {now} + ? WHERE job = ? AND slot_key = ? AND fence = ?"  # noqa: S608
            f" AND done_at IS NULL AND until >= {now} RETURNING fence",
            (length // _MILLISECOND, lease.job, lease.slot_key, lease.fence),
        )
        return len(rows) == 1


class LeaseWriting(Table):
    def offer(self, runs: Iterable[tuple[str, str, datetime]]) -> None:
        """Runs that are owed: job, key of the slot, its moment; those that were offered stay."""
        self._database.change_all(
            "INSERT INTO leases (job, slot_key, slot_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [(job, slot_key, milliseconds(at)) for job, slot_key, at in runs],
        )

    def settle_lease(self, lease: Lease) -> None:
        """The run is done, and what it came to stands in this transaction. Raises LeaseLost."""
        now = self._database.NOW
        done = self._database.change(
            f"UPDATE leases SET done_at = {now} WHERE job = ? AND slot_key = ? AND fence = ?"  # noqa: S608
            f" AND done_at IS NULL AND until >= {now}",
            (lease.job, lease.slot_key, lease.fence),
        )
        if done != 1:
            raise LeaseLost(lease.job, lease.slot_key)


def _lease(row: Row) -> Lease:
    return Lease(
        row["job"], row["slot_key"], moment(row["slot_at"]), row["fence"], moment(row["until"])
    )
