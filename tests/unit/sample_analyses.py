"""What people do with a ticket, as it is kept: analyses and maintenance by hand, every field
filled, and the smallest of each.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reports.maintenance import CheckAfter, Ended, MaintenanceLine
from reports.rca import ExtentLine, Rca, RcaLine
from reports.ticket import ClockLine
from tests.unit.sample_ticket import later

NOW = datetime(2026, 11, 22, 3, 0, 0, 123000, tzinfo=UTC)


def maintenance_line() -> MaintenanceLine:
    until = NOW + timedelta(hours=1)
    return MaintenanceLine(
        3, ("main-number", "*-portal"), "over", "new firmware", "asha", NOW, until, "ravi", "daily"
    )


def rca_line() -> RcaLine:
    due = NOW + timedelta(days=1)
    return RcaLine("RV-41", "critical", "no calls", "rca", "waits", "level 3", due, "debug logs")


def analyses() -> tuple[Rca, ...]:
    """The smallest is that of what a person has opened and nobody has closed."""
    small = Rca(
        number="RV-12",
        site="Pune",
        timezone="Asia/Kolkata",
        title="PRI is up but IVR is not working",
        severity="P0",
        severity_name="urgent",
        owner="Ozonetel (vendor)",
        policy="ozonetel 2026-11",
        summary="The number 8000 answers, and nothing is heard.",
        opened_at=NOW,
    )
    full = replace(
        small,
        works_since=later(hours=1),
        last_good_at=NOW - timedelta(minutes=5),
        last_bad_at=later(minutes=50),
        first_good_at=later(minutes=55),
        told_at=NOW + timedelta(seconds=20),
        acknowledged_at=later(minutes=9),
        acknowledged_by="asha",
        first_check="main-number",
        layer="prompt",
        reasons=("prompt: silent, no sound for 8 s",),
        findings=("line: trunk OK, 200 OK within 40 ms",),
        hung_on=("agent-portal",),
        also_failed=("second-number",),
        extent=(
            ExtentLine("looks of main-number that failed", 11, 12, 64.6, 98.5),
            ExtentLine("agents affected, at the worst look of queue", 7, 30),
        ),
        clocks=(ClockLine("response", later(minutes=30), "met", later(minutes=9)),),
        timeline=((NOW, "main-number failed"), (later(hours=1), "closed")),
        actions=((later(minutes=9), "asha: restarted the IVR"),),
        evidence=(("ladder.txt", "/var/lib/reveille/exhibits/2026-11-22/a/ladder.txt"),),
        waits_for="debug logs",
        unknown=("how many calls of customers were lost: no look of it counts them",),
        written={
            "cause": "A full disk.",
            "plan": "Logs are rotated.",
            "prevention": "It is watched.",
        },
        written_by="asha",
    )
    return full, small


def maintenances() -> tuple[Ended, ...]:
    small = Ended(
        "Pune", "Asia/Kolkata", 3, ("*",), NOW, later(hours=1), later(hours=1), "asha", "firmware"
    )
    checks = (CheckAfter("main-number", "FAILED", bad=True), CheckAfter("portal", "OK"))
    return replace(small, stopped_by="ravi", checks=checks), small
