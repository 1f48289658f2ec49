"""The daemon's ledger as a file: opened or begun anew, held on to while it runs, and its keepsake.

An open file outlives its name: without looking at the name again a daemon would write a whole day
into a ledger that is gone with its process.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from pathlib import Path

from monitor.config import Configuration
from monitor.ledger import Ledger, LedgerAccess, LedgerFault
from monitor.ledger.keepsake import NAME, begun_anew, keep
from monitor.ledger.server_address import Place, ServerAddress
from monitor.service.heartbeat import Presence

log = logging.getLogger(__name__)
# What the keepsake is for are tickets: nothing that was told for ten seconds is
# told a second time.
KEEP_SECONDS = 10
_AT_LEAST = timedelta(hours=1)


def opened(place: Place, now: datetime) -> tuple[Ledger, str]:
    """The ledger, and what had to be done for it, in words: a file that is damaged or gone is begun
    anew from its keepsake. Raises LedgerFault, OSError.
    """
    if isinstance(place, ServerAddress):
        return Ledger(place), ""
    path = Path(place)
    state = path.parent
    try:
        if path.exists() or not (state / NAME).exists():
            return Ledger(path), ""
        wrong = LedgerFault(f"the ledger {path} is gone", "damaged")
    except LedgerFault as fault:
        if fault.cause != "damaged" or not (state / NAME).exists():
            raise
        wrong = fault
    done = begun_anew(path, now)
    return Ledger(path), f"{wrong}; {done}"


def cannot_move(before: Configuration, after: Configuration) -> str:
    """Why another configuration needs a restart; "" where it does not."""
    # Lock and ledger belong to the old folder: on a new one this daemon could meet another that
    # holds it.
    if before.state != after.state:
        return f"the state folder cannot change while running; it is {before.state}"
    if before.ledger_place != after.ledger_place:
        return f"the ledger cannot move while running; it is {before.ledger_place}"
    # Its leases are held under it.
    if before.probe.name != after.probe.name:
        return f"[probe] name cannot change while running; it is {before.probe.name}"
    return ""


def held_on(presence: Presence, ledger: Ledger, now: datetime) -> LedgerFault | None:
    """Put back what was taken from under the daemon: lock and ledger. Returns what was wrong and
    what was done, None where all lies where it was. Raises AlreadyRunning where another daemon has
    taken the place.
    """
    lock, moved = presence.displaced(), ledger.displaced()
    if not (lock or moved):
        return None
    try:
        if lock:
            presence.renew()
        if moved:
            ledger.rescue(now)
    except (LedgerFault, OSError) as barred:
        return LedgerFault(f"{lock or moved}, and could not be put back: {barred}", "displaced")
    done = "all of it was written back, and nothing is lost" if moved else "it was taken again"
    who = f"Somebody, or a clean-up, is at work in {presence.state}"
    return LedgerFault(f"{moved or lock}; {done}. {who}", "displaced", mended=True)


class Keeping:
    """Writes the keepsake when something was told, and every hour."""

    def __init__(self, ledger: LedgerAccess) -> None:
        self._ledger = ledger
        self._last: tuple[int, datetime] | None = None
        self._under_way = False

    async def keep(self, now: datetime) -> None:
        """Write it, if need be. Raises LedgerFault."""
        if self._under_way:
            return
        self._under_way = True
        try:
            newest, displaced, where = await self._ledger.do(
                lambda ledger: (ledger.newest_happening(), ledger.displaced(), ledger.place)
            )
            # What a server keeps has its own copies: no keepsake stands in for its backups.
            if isinstance(where, ServerAddress):
                return
            fresh = self._last and self._last[0] == newest and now - self._last[1] < _AT_LEAST
            if not (fresh or displaced):
                # A connection of its own, in a thread: nothing that is to be written waits for it.
                await asyncio.to_thread(keep, Path(where), now)
                self._last = (newest, now)
        finally:
            self._under_way = False
