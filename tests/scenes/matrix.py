"""The fifteen rows of the ozonetel matrix: which check of the practice centre guards each, and a
fault that breaks it; and how a row is seen to be raised: the real daemon looks at everything, once
it is broken.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lab import Lab
from lab.portals import TOOLBAR
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.core.condition import Condition, Phase
from monitor.incidents import store
from monitor.ledger import IncidentRow, Ledger, ProposalRow
from tests.scenes.daemon_process import Process

SHOWN = {"toolbar": [{"text": one, "data-action": one.lower()} for one in TOOLBAR]}
"""what the agents' screen shows while nothing is broken"""
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Row:
    """One of them."""

    issue: str
    check: str
    fault: str
    call: bool = False
    """whether it takes a phone call"""


ROWS = (
    Row("agent-portal-down", "agent-portal", "agent-portal-maintenance"),
    Row("webrtc-not-working", "browser-call", "webrtc-no-media", call=True),
    Row("ivr-not-working", "main-number", "ivr-silent", call=True),
    Row("calls-not-routing", "main-number", "agent-not-reachable", call=True),
    Row("chat-widget-not-working", "chat", "chat-silent"),
    Row("admin-portal-down", "admin-portal", "admin-portal-login"),
    Row("dashboard-portal-down", "dashboard-portal", "dashboard-portal-down"),
    Row("outbound-dialer-not-working", "outbound-dialer", "dialer-silent", call=True),
    Row("call-control-not-working", "call-control", "transfer-lost", call=True),
    Row("ui-configuration", "agents-toolbar", "ui-changed"),
    Row("pri-down", "trunk-options", "trunk-refuses", call=True),
    Row("internet-down", "uplink", "uplink-down"),
    Row("report-portal-down", "report-portal", "report-portal-down"),
    Row("api-crm-integration", "crm-webhook", "webhook-lost"),
    Row("reports", "calls-report", "report-wrong"),
)


@dataclass(frozen=True)
class Raised:
    """What a row came to."""

    row: Row
    tickets: tuple[IncidentRow, ...]
    reason: str
    seconds: float
    trouble: str = ""

    @property
    def right(self) -> bool:
        """Exactly one ticket, the row's own, and the guarding check is its cause."""
        issues = [ticket.issue for ticket in self.tickets]
        return issues == [self.row.issue] and self.row.check in self.tickets[0].body["causes"]


def accept_screen(ledger: Ledger, now: datetime) -> None:
    """As `reveille baseline agents-toolbar` did it some day."""
    with ledger.transaction() as t:
        t.accept(ProposalRow("agents-toolbar", "shown", SHOWN, now), "asha", now)


@asynccontextmanager
async def watched(lab: Lab, folder: Path) -> AsyncIterator[Process]:
    """The real daemon on a lab, from its very first look on."""
    file = folder / "reveille.toml"
    file.write_text(lab.configuration(folder / "state"), encoding="utf-8")
    with Ledger(folder / "state" / "ledger.sqlite") as ledger:
        accept_screen(ledger, SystemClock().now())
    process = Process(file)
    await process.start()
    # What has a time of day waits for it, and a row does not.
    for name, entry in process.configuration.checks.items():
        if entry.at:
            process.look(name)
    try:
        yield process
    finally:
        await process.stop()


async def raise_row(row: Row, folder: Path) -> Raised:
    """Break it, let the daemon look at everything until all is settled, and read its tickets."""
    began = time.monotonic()
    async with Lab(folder / "lab") as lab:
        lab.break_(row.fault)
        async with watched(lab, folder) as daemon:
            try:
                await daemon.until(lambda: not _unsettled(daemon), PATIENCE_SECONDS)
                trouble = ""
            except AssertionError as missing:
                trouble = f"{str(missing).splitlines()[0]}: {', '.join(_unsettled(daemon))}"
            tickets = tuple(daemon.read(lambda ledger: ledger.incidents(50, None)))
            reason = daemon.read(lambda ledger: _reason(ledger, row.check))
    return Raised(row, tickets, reason, time.monotonic() - began, trouble)


def _unsettled(daemon: Process) -> list[str]:
    """The checks that were not looked at yet, or whose verdict is still to be confirmed."""
    conditions = daemon.read(store.conditions)
    return [
        name
        for name in _by_themselves(daemon.configuration)
        if not _is_settled(conditions.get(name))
    ]


def _by_themselves(configuration: Configuration) -> list[str]:
    return [name for name, entry in configuration.checks.items() if entry.timetable is not None]


def _is_settled(condition: Condition | None) -> bool:
    return (
        condition is not None
        and condition.phase in (Phase.GOOD, Phase.BROKEN)
        and not condition.unknown_in_row
    )


def _reason(ledger: Ledger, check: str) -> str:
    """Why the guarding check failed, in its own words."""
    for attempt in ledger.attempts(check, 20):
        if attempt.verdict.fault:
            return "; ".join(attempt.verdict.reasons)
    return ""
