"""Looks as they wait for the ledger."""

from __future__ import annotations

from dataclasses import replace

from monitor.ledger.encoding import packed
from monitor.scheduling.look_journal import LateLook
from tests.unit.sample_analyses import NOW


def late_looks() -> tuple[LateLook, ...]:
    """One of a place, and a run at a time of day."""
    observation = packed({"stages": [["response", 0.0, 0.25, 1]], "seconds": 0.25})
    plain = LateLook(
        check="agent-portal",
        place="pune-1",
        kind="portal",
        purpose="scheduled",
        started_at=NOW.isoformat(),
        slot="",
        slot_at="",
        observation=observation,
        state="OK",
        verdict="{}",
        memory='{"etag":"5d41"}',
    )
    fault = ["answer", "sip:503", "Service Unavailable", ""]
    run = replace(
        plain,
        check="main-number",
        place="",
        kind="sip-call",
        slot="2026-11-22T08:30",
        slot_at=NOW.isoformat(),
        state="FAILED",
        observation=packed({"fault": fault, "seconds": 4.0}),
        verdict=packed({"reasons": ["answer: 503 Service Unavailable"], "fault": fault}),
        memory="{}",
        proposals='{"prompt":"welcome"}',
    )
    return plain, run
