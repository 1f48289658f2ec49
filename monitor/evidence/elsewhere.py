"""Where the evidence of a ticket lies, for the host that shows it: below its own state folder, once
it has come there; what is too large for the ledger may lie elsewhere still.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from monitor.evidence.sharing import follows
from monitor.ledger import Ledger
from reports.ticket import Elsewhere, Ticket

_BELOW = "/exhibits/"


def here(path: str | Path, exhibits: Path) -> Path:
    """The place on this host of what some host has kept; `exhibits` is this one's folder."""
    return exhibits / tail if follows(tail := _tail(path)) else Path(path)


def on_this_host(ledger: Ledger, ticket: Ticket, exhibits: Path) -> Ticket:
    """The ticket with its evidence as it is found here, and with what lies on another host alone or
    is still to come.
    """
    shown = tuple((name, str(here(path, exhibits))) for name, path in ticket.exhibits)
    paths = {_tail(path): path for _, path in shown}
    found = []
    for row in ledger.large_exhibits(list(paths)):
        path, comes = paths[row.path], row.stored_at is not None
        if not comes or not Path(path).exists():
            found.append(Elsewhere(path, row.host, row.size / 1e6, comes))
    return replace(ticket, exhibits=shown, elsewhere=tuple(found))


def _tail(path: str | Path) -> str:
    return str(path).rpartition(_BELOW)[2]
