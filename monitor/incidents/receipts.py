"""Whether a level that was told has heard: what the receipts of its letters say.

Rule: a level has heard once a server has taken a letter for one of its people; where its people are
telephoned, once one of them has pressed 1. It has not when all letters were refused for ever, when
nobody took the call, or when none was taken in time: then the next level's turn is now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from monitor.config import Configuration
from monitor.core.incident import Incident
from monitor.incidents import pages
from monitor.incidents.recipients import reached
from monitor.ledger import Ledger
from monitor.ledger.letters import DeliveryRow

# Greylisting takes five minutes and the second try of a mail server another five (RFC 6647 section
# 5): a letter that nobody has taken after fifteen is on no normal way.
NO_RECEIPT_SECONDS = 900.0


def unheard(
    ledger: Ledger, configuration: Configuration, incident: Incident, now: datetime
) -> Mapping[int, str]:
    """The levels that were told and turn out not to have heard, each with the reason; without those
    that are known already.
    """
    return _unheard(_letters(ledger, incident), configuration, incident, now)


def next_doubt(
    ledger: Ledger, configuration: Configuration, incident: Incident, now: datetime
) -> datetime | None:
    """When a level will turn out not to have heard, if nothing more comes: `now` where one has."""
    rows = _letters(ledger, incident)
    if _unheard(rows, configuration, incident, now):
        return now
    return min(_doubts(rows, now), default=None)


def _letters(ledger: Ledger, incident: Incident) -> Sequence[DeliveryRow]:
    """How its letters stand; none of what nobody was told."""
    if incident.number is None or not incident.told:
        return ()
    return ledger.deliveries(incident.number)


def _unheard(
    rows: Sequence[DeliveryRow], configuration: Configuration, incident: Incident, now: datetime
) -> Mapping[int, str]:
    by_address: dict[str, list[DeliveryRow]] = {}
    for row in rows:
        by_address.setdefault(row.recipient.lower(), []).append(row)
    found = (
        (level.number, _reason(configuration, level.role, rows, by_address, now))
        for level in incident.ladder.levels
        if level.number in incident.levels_told and level.number not in incident.levels_unheard
    )
    return {number: reason for number, reason in found if reason}


def _doubts(rows: Sequence[DeliveryRow], now: datetime) -> Iterator[datetime]:
    for row in rows:
        at = row.not_before + timedelta(seconds=NO_RECEIPT_SECONDS)
        if row.state == "queued" and at > now:
            yield at


def _reason(
    configuration: Configuration,
    role: str,
    deliveries: Sequence[DeliveryRow],
    letters: Mapping[str, Sequence[DeliveryRow]],
    now: datetime,
) -> str:
    """Why nobody of a role has heard; "" where somebody has, or still may."""
    if (page := pages.of_role(deliveries, role)) is not None:
        return "" if page.state == "sent" else _refused([page]) or _late([page], now)
    reasons: list[str] = []
    for address in reached(configuration, role):
        rows = letters.get(address.lower(), ())
        # Somebody who was not on call then.
        if not rows and configuration.rotas:
            continue
        # Without a letter it goes by a desk that has no receipts of its own.
        if not rows or any(row.state == "sent" for row in rows):
            return ""
        reason = _refused(rows) or _late(rows, now)
        if not reason:
            return ""
        reasons.append(f"{address}: {reason}")
    return "; ".join(reasons)


def _refused(rows: Sequence[DeliveryRow]) -> str:
    if all(row.state == "failed" for row in rows):
        return rows[0].last_error or "refused"
    return ""


def _late(rows: Sequence[DeliveryRow], now: datetime) -> str:
    oldest = min(rows, key=lambda row: row.not_before)
    if now - oldest.not_before < timedelta(seconds=NO_RECEIPT_SECONDS):
        return ""
    whose = "line has led to anybody" if oldest.kind == pages.PAGE else "server has taken it"
    return f"no {whose} for {NO_RECEIPT_SECONDS / 60:.0f} minutes"
