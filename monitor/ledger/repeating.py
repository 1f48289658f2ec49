"""Work on a ledger that may be done a second time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from monitor.ledger.errors import LedgerFault
from monitor.ledger.ledger import Ledger

T = TypeVar("T")


def once_more_if_cut(work: Callable[[Ledger], T], ledger: Ledger) -> T:
    """Work that decides what it changes out of what the ledger says: done anew where a server that
    was restarted has cut it, which is no outage. Raises what the second time raises.
    """
    try:
        return work(ledger)
    except LedgerFault as cut:
        if cut.cause != "unreachable":
            raise
    return work(ledger)
