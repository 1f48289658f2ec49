"""A look on its way into the journal of late looks, and out of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import cast

from monitor.config import CheckEntry
from monitor.core.timetable import Slot
from monitor.incidents.attempt_result import AttemptResult
from monitor.ledger import Purpose, bodies, encoding
from monitor.scheduling.look_journal import LateLook


def late_look(seen: AttemptResult, place: str, slot: Slot | None) -> LateLook:
    """As it is kept."""
    return LateLook(
        check=seen.name,
        place=place,
        kind=seen.entry.probe.KIND,
        purpose=seen.purpose,
        started_at=seen.started_at.isoformat(),
        slot=slot.key if slot else "",
        slot_at=slot.at.isoformat() if slot else "",
        observation=encoding.packed(encoding.observation_body(seen.observation)),
        state=seen.verdict.state.value,
        verdict=encoding.packed(encoding.verdict_body(seen.verdict)),
        memory=encoding.packed(seen.observation.memory),
        proposals=encoding.packed(seen.observation.proposals),
    )


def result_of(kept: LateLook, entry: CheckEntry | None) -> tuple[AttemptResult | None, Slot | None]:
    """The look again; None where its check is no longer configured, or is of another kind by now.
    Raises Unreadable.
    """
    if entry is None or kept.kind != entry.probe.KIND:
        return None, None
    seen = replace(
        bodies.OBSERVATION.read(encoding.unpacked(kept.observation), kept.check),
        memory=encoding.unpacked(kept.memory),
        proposals=encoding.unpacked(kept.proposals),
    )
    verdict = bodies.VERDICT.read(
        {"state": kept.state, **encoding.unpacked(kept.verdict)}, kept.check
    )
    at = datetime.fromisoformat(kept.started_at)
    slot = Slot(kept.slot, datetime.fromisoformat(kept.slot_at)) if kept.slot else None
    return AttemptResult(entry, cast("Purpose", kept.purpose), at, seen, verdict), slot
