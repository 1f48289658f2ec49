"""Times in which no promise of an incident counts: it waits for the customer or for access, or a
maintenance hides all of its causes.

Rules: what nobody has heard of yet is not paused (its clocks begin when it is told); one pause at a
time; the levels of the ladder wait as well; a human's pause is told, a maintenance's is only kept,
since the site planned it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.core.incident import Change, Happening, Incident, Pause, Tell, remembered

MAINTENANCE = "maintenance"


def under_maintenance(was: Incident, hidden: bool, now: datetime) -> Change | None:
    """What the beginning or the end of a maintenance changes; None for nothing."""
    waits = was.waits
    if hidden and was.told and not was.held and waits is None:
        paused = _begun(was, Pause(now, None, MAINTENANCE))
        return Change(paused, (), (Happening("paused", {"why": MAINTENANCE, "by": ""}),))
    if not hidden and waits is not None and not waits.by:
        return Change(_ended(was, now), (), (Happening("resumed", {"by": ""}),))
    return None


def waiting(was: Incident, why: str, by: str, now: datetime) -> Change:
    """It waits for somebody whom the promises do not bind. Raises ValueError if it waits already,
    or is over.
    """
    if not was.open:
        raise ValueError("it is over")
    if was.waits is not None:
        raise ValueError(f"it waits already: {was.waits.why}")
    text = f"{by}: no promise counts while it waits for {why}"
    return remembered(
        _begun(was, Pause(now, None, why, by)), "paused", {"why": why, "by": by}, Tell.NOTE, text
    )


def going_on(was: Incident, by: str, now: datetime) -> Change:
    """The waiting is over. Raises ValueError if it does not wait."""
    if was.waits is None:
        raise ValueError("it waits for nobody")
    text = f"{by}: the promises count again"
    return remembered(_ended(was, now), "resumed", {"by": by}, Tell.NOTE, text)


def _begun(was: Incident, pause: Pause) -> Incident:
    return replace(was, pauses=(*was.pauses, pause))


def _ended(was: Incident, now: datetime) -> Incident:
    return replace(was, pauses=(*was.pauses[:-1], replace(was.pauses[-1], until=now)))
