"""Incidents that nobody had, by chance: when they open, how long they last, who takes them, and
what is lost. The same for the same seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core.failure import Case
from monitor.core.simulation import MadeUp

# Half of all outages end within three quarters of an hour, a few last for days: a log-normal
# spread, as times to repair have it (MIL-HDBK-472, procedure III).
_MEDIAN_SECONDS, _SPREAD, _LONGEST_SECONDS = 2700.0, 1.6, 14 * 86400.0
_ACKNOWLEDGED, _TO_ACKNOWLEDGE_SECONDS = 0.7, 600.0
_SEATS = 400


def made_up(
    cases: Sequence[Case], start: datetime, end: datetime, count: int, seed: int
) -> Iterator[MadeUp]:
    """So many incidents between two instants, each case once before any comes twice; the same for
    the same seed.
    """
    chance = random.Random(seed)  # noqa: S311 - a made-up week, no secret
    span = (end - start).total_seconds()
    order = chance.sample(list(cases), len(cases)) if cases else []
    for number in range(count if cases else 0):
        case = order[number] if number < len(order) else chance.choice(order)
        opened_at = start + timedelta(seconds=round(chance.uniform(0, span)))
        lasts = min(_MEDIAN_SECONDS * chance.lognormvariate(0, _SPREAD), _LONGEST_SECONDS)
        lost = chance.choice((0, 0, chance.randint(1, _SEATS)))
        acknowledged = opened_at + timedelta(
            seconds=round(chance.expovariate(1 / _TO_ACKNOWLEDGE_SECONDS))
        )
        resolved_at = opened_at + timedelta(seconds=round(lasts) + 1)
        taken = chance.random() < _ACKNOWLEDGED and acknowledged < resolved_at
        yield MadeUp(
            replace(case, lost=lost, of=_SEATS if lost else 0),
            opened_at,
            resolved_at,
            acknowledged if taken else None,
        )
