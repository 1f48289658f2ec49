"""Accept as right what a check saw: keep it, and have the check looked at again at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.incidents import store
from monitor.ledger import Ledger, ProposalRow


def take(ledger: Ledger, check: str, changed: list[ProposalRow], by: str, now: datetime) -> None:
    """Keep it, and have the daemon look again at once."""
    with ledger.transaction() as t:
        for one in changed:
            t.accept(one, by, now)
        t.happened(
            None,
            now,
            "accepted",
            {"check": check, "by": by, "parts": [one.name for one in changed]},
        )
        condition = store.condition_of(ledger, check)
        store.keep_condition(t, replace(condition, next_look=now, purpose="recheck"))
