"""One ticket of the night of 22 November 2026 at Pune, for the tests of the words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reports.fault_sentence import FaultSeen
from reports.rca import ExtentLine, Rca
from reports.render import fault_sentence
from reports.ticket import ClockLine, Finding, RungLine, StageLine, Ticket

OPENED = datetime(2026, 11, 21, 21, 42, tzinfo=UTC)


SUMMARY = fault_sentence(
    FaultSeen(
        "sip-call",
        "prompt",
        "silent",
        "nothing was heard within 6 s (level -78 dBFS)",
        "8000 at sip.example.net",
        "main-number",
    )
)


def later(**spans: float) -> datetime:
    """A moment after the ticket was opened."""
    return OPENED + timedelta(**spans)


def ticket(**changes: Any) -> Ticket:
    """The ticket, with what a test changes in it."""
    return Ticket(**{**_VALUES, **changes})


EXTRAS: dict[str, dict[str, Any]] = {
    "opened": {"audience": "level 1, customer support desk"},
    "updated": {"text": "Still silent after 5 minutes; the trunk itself is up."},
    "escalated": {"level": 2, "who": "shift team leader"},
    "acknowledged": {"by": "asha"},
    "reopened": {},
    "recovered": {},
    "closed": {},
    "reclassified": {
        "was": "P2 medium, PRI is down",
        "by": "asha",
        "reason": "the span is up, the IVR is not",
    },
    "breached": {"clock": "response", "due_at": "2026-11-21T22:12:00+00:00"},
    "note": {"by": "asha", "text": "The IVR host was rebooted at 03:30; watching it."},
    "blind": {},
    "rca-due": {
        "part": "rca",
        "due_at": "2026-11-23T21:42:00+00:00",
        "owner": "support engineers",
        "overdue": False,
    },
}

_VALUES: dict[str, Any] = {
    "number": "RV-12",
    "site": "Pune",
    "timezone": "Asia/Kolkata",
    "title": "PRI is up but IVR is not working",
    "summary": SUMMARY,
    "severity": "P0",
    "severity_name": "urgent",
    "owner": "Ozonetel (vendor)",
    "state": "open",
    "opened_at": OPENED,
    "check": "main-number",
    "reasons": (
        "prompt: silent, nothing was heard within 6 s (level -78 dBFS)",
        "confirmed by a second call 20 s later",
    ),
    "stages": (
        StageLine("register", 0.041, True, "200 OK from 10.0.0.5"),
        StageLine("signalling", 0.02, True),
        StageLine("ring", 1.1, True, "180 Ringing"),
        StageLine("answer", 1.2, True, "200 OK"),
        StageLine("media", 0.09, True, "50 packets a second, from the address in the SDP"),
        StageLine("prompt", 6.0, False),
    ),
    "findings": (
        Finding("uplink", "uplink", "OK", "8 ms to the edge, no loss"),
        Finding("line", "pri-1", "OK", "D-channel up, 0 alarms, 2 of 30 channels busy"),
        Finding("signalling", "main-number", "OK", "answered after 1.2 s"),
        Finding("media", "main-number", "OK", "RTP flows both ways"),
        Finding("prompt", "main-number", "FAILED"),
        Finding("agent", "", "UNKNOWN", ""),
    ),
    "exhibits": (
        (
            "recording, both directions",
            "/var/lib/reveille/exhibits/2026-11-22/main-number-031158/call.wav",
        ),
        ("SIP ladder", "/var/lib/reveille/exhibits/2026-11-22/main-number-031158/ladder.txt"),
    ),
    "clocks": (
        ClockLine("response", OPENED + timedelta(minutes=30)),
        ClockLine("resolution", OPENED + timedelta(hours=2)),
    ),
    "ladder": (
        RungLine(
            1,
            "customer support desk, India",
            "support@example.net, +91 80 0000 0000",
            OPENED,
            "told",
        ),
        RungLine(2, "shift team leader", "shift@example.net", OPENED + timedelta(hours=1), "next"),
        RungLine(
            3,
            "director, technical support",
            "director@example.net",
            OPENED + timedelta(hours=4),
            "later",
        ),
    ),
    "history": (
        (OPENED - timedelta(seconds=22), "main-number failed"),
        (OPENED, "confirmed by a second call; opened as P0, told level 1"),
    ),
    "times_bad": 2,
    "attached": ("agent-portal-call", "queue-sales"),
    "next_step": (
        "Restart the IVR application, or have Ozonetel do it: the trunk and the sound path are"
        " fine."
    ),
    "definition": "showstopper, critical failure with no workaround",
    "policy": "ozonetel",
    "rule": "a call is answered but the prompt is silent or wrong",
}


def analysis(**changed: Any) -> Rca:
    """The analysis of that ticket, once it is over."""
    made = Rca(
        number="RV-12",
        site="Pune",
        timezone="Asia/Kolkata",
        title="PRI is up but IVR is not working",
        severity="P0",
        severity_name="urgent",
        owner="Ozonetel (vendor)",
        policy="xop 3",
        summary=SUMMARY,
        opened_at=OPENED,
        works_since=later(minutes=57),
        last_good_at=later(minutes=-5),
        last_bad_at=later(minutes=50),
        first_good_at=later(minutes=55),
        told_at=later(seconds=20),
        acknowledged_at=later(minutes=9),
        acknowledged_by="asha",
        first_check="main-number",
        layer="prompt",
        reasons=("prompt: silent, nothing was heard within 6 s (level -78 dBFS)",),
        findings=("line: trunk-options OK, 200 OK within 40 ms", "prompt: main-number FAILED"),
        hung_on=ticket().attached,
        also_failed=("second-number",),
        extent=(
            ExtentLine("looks of main-number that failed", 11, 12, 64.6, 98.5),
            ExtentLine("agents affected, at the worst look of queue", 7, 30),
        ),
        clocks=(
            ClockLine("response", later(minutes=30), "met", later(minutes=9)),
            ClockLine("recovery", later(minutes=50), "breached", later(minutes=50)),
            ClockLine("rca", later(hours=25), "running"),
        ),
        timeline=(
            (OPENED, "main-number failed: prompt: silent"),
            (later(minutes=9), "acknowledged by asha"),
            (later(minutes=40), "asha: the log partition of the IVR host was full"),
            (later(minutes=57), "closed: main-number has recovered"),
        ),
        actions=(
            (later(minutes=9), "acknowledged by asha"),
            (later(minutes=40), "asha: the log partition of the IVR host was full"),
        ),
        evidence=(("call page", "/var/lib/reveille/exhibits/2026-11-22/main-number/call.html"),),
        unknown=("how many calls of customers were lost: no look of it counts them",),
        written={
            "cause": "The log partition of the IVR host was full, so that no prompt was played.\n"
            "Logs had not been rotated since the update of 12 November.",
            "plan": "Rotation is switched on again; the update's script is mended.",
            "prevention": "host-disks watches the partition from 80 % on.",
        },
        written_by="asha",
    )
    return replace(made, **changed)


EXTRAS["rca"] = {"by": "asha", "part": "rca", "rca": analysis().to_dict()}
