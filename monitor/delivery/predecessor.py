"""What a dead sender of this host was doing: its letters are sent again, and what its conferences
had come to is kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime

from monitor.desks.conference_minutes import LeftMinutes
from monitor.desks.desk import Confers, Desk
from monitor.ledger import Ledger, OutboxRow
from monitor.ledger.happening_bodies import happening_body


def taken_over(ledger: Ledger, owner: str, desks: Iterable[Desk], now: datetime) -> int:
    """Free its letters, and keep its minutes; returns how many letters. `owner` is what leases of
    this process are called.
    """
    with ledger.transaction() as transaction:
        orphans = [letter for letter in ledger.leased_letters() if _is_orphan(letter, owner)]
        for letter in orphans:
            transaction.letter_interrupted(letter, now, f"{letter.lease_owner} is gone")
    for desk in desks:
        for one in desk.left_minutes() if isinstance(desk, Confers) else ():
            _keep(ledger, one, now)
    return len(orphans)


def _keep(ledger: Ledger, one: LeftMinutes, now: datetime) -> None:
    # It may have died between the ticket and the file.
    known = any(
        row.kind == "conference" and str(one.recording) in str(row.body.get("text"))
        for row in ledger.history(one.incident)
    )
    if not known:
        with ledger.transaction() as transaction:
            body = happening_body("conference", {"text": one.text})
            transaction.happened(one.incident, now, "conference", body)
    one.kept()


def _is_orphan(letter: OutboxRow, owner: str) -> bool:
    # From the right: a host that is named by an IPv6 address has colons of its own.
    host, _, process = (letter.lease_owner or "").rpartition(":")
    ours = host == owner.rpartition(":")[0]
    # A lease with our own process number is a predecessor's too: in a container every daemon is
    # process 1.
    return ours and (letter.lease_owner == owner or not _is_alive(int(process)))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # EPERM says that there is such a process, of another user (kill(2)).
    except PermissionError:
        return True
    return True
