"""A counted loss that has become less while its ticket is open. Looks never lower a severity: what
people were told stays, with its promises, until a person says otherwise. But they are told, since a
promise would else be missed that nobody owes any more.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.core.incident import Change, Incident, Tell, remembered
from monitor.core.policy_terms import Classification

# Six looks of `every = "5m"`: a loss that swings about a threshold within it is not told.
EASED_AFTER_SECONDS = 1800.0


def eased(was: Incident, found: Classification, loss: tuple[int, int], now: datetime) -> Change:
    """What one more look of its only cause says: told once for each severity that it has come down
    to, and when it is as bad as the ticket again. `loss` is what it counted, of how much.
    """
    rank = found.severity.rank
    if rank <= was.severity.rank:
        back = replace(was, eased_since=None, eased_rank=None)
        return Change(back) if was.eased_rank is None else _again(back, loss)
    since = was.eased_since or now
    seen = replace(was, eased_since=since)
    lasted = (now - since).total_seconds()
    if lasted < EASED_AFTER_SECONDS or (was.eased_rank is not None and rank <= was.eased_rank):
        return Change(seen)
    why = (
        f"it has eased: {_lost(loss)} for {lasted / 60:.0f} min, which would be"
        f" {found.severity.id}; it stays {was.severity.id}, with its promises, until somebody"
        " lowers it"
    )
    return _told(replace(seen, eased_rank=rank), why, found.severity.id, loss)


def _again(back: Incident, loss: tuple[int, int]) -> Change:
    name = back.severity.id
    why = f"it has grown again: {_lost(loss)}, which is {name}, as the ticket is"
    return _told(back, why, name, loss)


def _told(new: Incident, why: str, severity: str, loss: tuple[int, int]) -> Change:
    lost, of = loss
    facts = {"text": why, "severity": severity, "lost": lost, "of": of}
    return remembered(new, "eased", facts, Tell.UPDATED, why)


def _lost(loss: tuple[int, int]) -> str:
    return f"{loss[0]} of {loss[1]} lost"
