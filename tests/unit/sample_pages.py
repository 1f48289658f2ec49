"""The pages of the command line as they would be in that night, for the tests of the words."""

from __future__ import annotations

from typing import Any

from reports.command_views import CheckLine, Explained, IncidentLine, Once, PromiseLine, Status
from reports.ticket import StageLine
from tests.unit.sample_ticket import OPENED, SUMMARY, later, ticket

ONCE = Once(
    check="main-number",
    kind="sip-call",
    timezone="Asia/Kolkata",
    started_at=OPENED,
    seconds=9.31,
    state="FAILED",
    stages=(StageLine("answer", 1.2, True, "200 OK"), StageLine("prompt", 6.0, False)),
    measures={"answer_seconds": 1.2, "rx_packets": 12345.0, "mos": 4.2318},
    fault="prompt: silent, nothing was heard within 6 s (level -78 dBFS)",
    said=SUMMARY,
    reasons=("prompt: silent, nothing was heard within 6 s (level -78 dBFS)",),
    notes=("codec PCMA/8000",),
    exhibits=(("call.wav", "/var/lib/reveille/exhibits/x/call.wav"),),
    orders=(
        "open a P0 ticket: PRI is up but IVR is not working",
        "mail support@example.net (level 1)",
    ),
)
STATUS = Status(
    site="Pune",
    timezone="Asia/Kolkata",
    now=later(minutes=10),
    heartbeat_at=later(minutes=9, seconds=55),
    running=True,
    checks=(
        CheckLine(
            "main-number",
            "sip-call",
            "FAILED",
            OPENED,
            later(minutes=9),
            None,
            "08:30, 17:30",
            SUMMARY,
            "RV-12",
        ),
        CheckLine("pri-1", "tcp", "OK", OPENED, later(minutes=9), None, "every 5m"),
        CheckLine(
            "report-portal",
            "portal",
            "OK",
            OPENED,
            later(minutes=-9),
            None,
            "every 5m",
            overdue=True,
        ),
        CheckLine(
            "agent-portal", "portal", "", cadence="every 5m", muted="maintenance until 03:00"
        ),
    ),
    incidents=(
        IncidentLine(
            "RV-12",
            "P0",
            "PRI is up but IVR is not working",
            "open",
            "vendor",
            OPENED,
            later(hours=2),
        ),
    ),
    outbox={"queued": 1, "sent": 4, "failed": 0},
    undelivered=(
        "shift@example.net: mail.example.net:587: 451 4.7.1 greylisted, again at 03:23 IST",
    ),
)
EXPLAINED = Explained(
    site="Pune",
    timezone="Asia/Kolkata",
    policy="ozonetel",
    rule="silent or wrong prompt",
    case={"kind": "sip-call", "stage": "prompt", "code": "silent"},
    issue="ivr-not-working",
    title="PRI is up but IVR is not working",
    severity="P0",
    severity_name="urgent",
    definition="showstopper, critical failure with no workaround",
    owner="vendor",
    opened_at=OPENED,
    clocks=(
        PromiseLine("response", 1800, "opened", later(minutes=30)),
        PromiseLine("resolution", 7200, "opened", later(hours=2)),
    ),
    ladder=ticket().ladder,
)
PAGES: dict[str, dict[str, Any]] = {
    "tickets": {
        "tickets": (
            ticket(),
            ticket(number="RV-9", severity="P2", rank=2, state="closed", title="PRI is down"),
        ),
        "timezone": "Asia/Kolkata",
    },
    "ticket": {
        "ticket": ticket(
            acknowledged_at=later(minutes=6), acknowledged_by="asha", state="acknowledged"
        )
    },
    "status": {"status": STATUS},
    "once": {"once": ONCE},
    "explain": {"explained": EXPLAINED},
}
