"""The ledger: what Reveille knows and what it has promised to say. A file of SQLite, or a
database of a PostgreSQL server; all moments are aware and UTC.

    with ledger.transaction() as t:          # all of it, or nothing
        t.record("main-number", "sip-call", "scheduled", started, observation, verdict, muted=False)
        number = t.open_incident(row)
        t.enqueue(OutboxMessage(number, "opened", 1, "mail", "shift@example.net", body, now))

What is read comes from the ledger itself, inside a transaction too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from monitor.ledger import engines
from monitor.ledger.acceptances import AcceptanceReading, AcceptanceWriting
from monitor.ledger.attempts import AttemptReading, AttemptWriting
from monitor.ledger.conditions import ConditionReading, ConditionWriting
from monitor.ledger.database import Database
from monitor.ledger.days import DayTables
from monitor.ledger.errors import LedgerFault
from monitor.ledger.exhibits import ExhibitReading, ExhibitWriting
from monitor.ledger.growth import GrowthReading
from monitor.ledger.history import HistoryReading, HistoryWriting
from monitor.ledger.hosts import HostReading
from monitor.ledger.incidents import IncidentReading, IncidentWriting
from monitor.ledger.large_exhibits import LargeExhibitReading, LargeExhibitWriting
from monitor.ledger.leases import Lease, LeaseReading, LeaseWriting
from monitor.ledger.letters import LetterReading
from monitor.ledger.migrate import known, migrate, refuse_newer, version
from monitor.ledger.rollups import RollupWriting
from monitor.ledger.seals import SealReading, SealWriting
from monitor.ledger.sending import LetterWriting
from monitor.ledger.server_address import Place
from monitor.ledger.slots import SlotReading, SlotWriting
from monitor.ledger.standings import StandingReading
from monitor.ledger.words import WordReading, WordWriting

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


class _Wanted(Exception):
    """Something would be changed."""


class Transaction(
    SlotWriting,
    LeaseWriting,
    AttemptWriting,
    AcceptanceWriting,
    ConditionWriting,
    IncidentWriting,
    HistoryWriting,
    ExhibitWriting,
    LargeExhibitWriting,
    LetterWriting,
    RollupWriting,
    SealWriting,
    WordWriting,
):
    """What may be changed, all of it at once."""


class Ledger(
    SlotReading,
    LeaseReading,
    HostReading,
    AttemptReading,
    AcceptanceReading,
    ConditionReading,
    IncidentReading,
    HistoryReading,
    ExhibitReading,
    LargeExhibitReading,
    LetterReading,
    StandingReading,
    SealReading,
    GrowthReading,
    WordReading,
    DayTables,
):
    """One open ledger, for one thread."""

    def __init__(self, place: Place, *, read_only: bool = False) -> None:
        """Open the ledger at `place`, making or migrating it unless `read_only`. Raises
        LedgerFault.
        """
        self.place = place
        self.views = dict[str, Ledger]()
        """what each site sees of it, by its name (monitor/ledger/of_site.py)"""
        self._whole: Transaction | None = None
        self._trying = False
        super().__init__(engines.opened(place, read_only=read_only))
        try:
            _fit(self._database)
            self._database.find_rights()
        except BaseException:
            self._database.close()
            raise

    @property
    def identity(self) -> str:
        """Which ledger this is: eight hexadecimal digits, drawn when it was made."""
        found = self._database.row("SELECT name FROM identity")
        return str(found["name"]) if found else ""

    @property
    def where(self) -> str:
        """Its file or its server's address, in words."""
        return self._database.where

    @property
    def probe_host(self) -> str:
        """The host whose own role asks here: it keeps nothing but what it saw itself, and sees no
        ticket and nobody's address (monitor/ledger/rights.py). "" for the owner of it all.
        """
        return self._database.probe_host

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed through it."""
        return self._database.read_only

    def do(self, work: Callable[[Ledger], T]) -> asyncio.Future[T]:
        """Done on the spot (monitor.ledger.access.LedgerAccess)."""
        import asyncio

        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            done.set_result(work(self))
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            done.set_exception(error)
        return done

    read = do

    def hand_in(self, work: Callable[[Ledger], object]) -> None:
        """Done on the spot."""
        work(self)

    def at_once(self, work: Callable[[Ledger], T]) -> T:
        """Done on the spot."""
        return work(self)

    def displaced(self) -> str:
        """What has become of its file, where that is no longer the one under its name; "" else."""
        return self._database.displaced()

    def rescue(self, now: datetime) -> None:
        """Write all of it under its own name again. Raises LedgerFault, OSError."""
        self._database.rescue(now)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All of what is changed inside is kept, or nothing. Raises LedgerFault."""
        if self._trying:
            raise _Wanted
        if self._whole is not None:
            yield self._whole
            return
        with self._database.transaction():
            yield Transaction(self._database)

    def of_rights(self) -> Database:
        """What grants are made through (monitor/ledger/rights.py)."""
        return self._database

    def steady(self) -> AbstractContextManager[None]:
        """All that is asked inside is asked of the ledger as it is now: one who asks a thousand
        things need not find out before each whether somebody has changed it.
        """
        return self._database.steady()

    @contextmanager
    def under(self, lease: Lease) -> Iterator[None]:
        """One transaction for all that is read and changed inside, under a lease that goes on: no
        other host changes what a decision is based on. Raises LeaseLost, LedgerFault.
        """
        with self.transaction() as t:
            t.hold_lease(lease)
            self._whole = t
            try:
                yield
            finally:
                self._whole = None

    def would_change(self, work: Callable[[Ledger], object]) -> bool:
        """Whether work that changes only what is due would change anything now. It is done up to
        its first transaction, and nothing waits for the ledger's writer.
        """
        self._trying = True
        try:
            with self.steady():
                work(self)
        except _Wanted:
            return True
        finally:
            self._trying = False
        return False

    def interrupt(self) -> None:
        """End the question that is being answered, from another thread; it raises LedgerFault."""
        self._database.interrupt()

    def changes_seen(self) -> int:
        """A number that is another one once somebody else has changed the ledger."""
        return self._database.data_version()

    def close(self) -> None:
        """Close the ledger; what was committed stays."""
        self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _fit(database: Database) -> None:
    # Only the daemon changes the form of a ledger; a verb that reads beside it must not do so under
    # its feet.
    if not database.read_only:
        migrate(database)
        return
    newest = len(known(database.MIGRATIONS))
    refuse_newer(database, newest)
    if (found := version(database)) < newest:
        raise LedgerFault(
            f"the ledger {database.where} is of version {found} and is read as {newest}; "
            "start `reveille run` once, which brings it up to date"
        )
