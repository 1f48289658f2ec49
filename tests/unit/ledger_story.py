"""A site's week in its ledger, played by the real rounds, policy and outbox: what a later release
has to read.

Everything is over or long due when it ends, so that what the command line says of it does not
change with the day on which it is asked. `SITE` is the configuration that goes with it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, time
from pathlib import Path

from checks.contract import CannotTell, Failed
from monitor.config.section_models import Audit
from monitor.incidents.ticket_actions import TicketActions
from monitor.testing.scenario import Scene, Scripted, ScriptedPortal, ScriptedTrunk

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # Monday, 08:30 in Pune
_ROLES = (
    "customer-support-desk",
    "shift-team-leader",
    "director-technical-support",
    "change-request-desk",
    "change-request-level-2",
    "change-request-level-3",
)
SITE = """
state = "state"

[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
policy = "ozonetel"

{people}
[checks.main-number]
kind = "portal"
url = "https://127.0.0.1/"
every = "5m"

[checks.trunk]
kind = "portal"
url = "https://127.0.0.1/"
every = "5m"

[checks.agent-portal]
kind = "portal"
url = "https://127.0.0.1/"
every = "5m"

[desks.mail]
kind = "mail"
host = "127.0.0.1"
sender = "reveille@example.net"

[audit]
at = "04:00"
to = ["ops@example.net"]
""".replace(
    "{people}",
    "\n".join(
        f'[[people]]\nrole = "{role}"\nmail = "{role}@example.net"\n'
        for role in ("operators", *_ROLES)
    ),
)


async def play(folder: Path) -> Path:
    """Play it in an empty folder; returns the ledger's path."""
    site = scene_in(folder)
    try:
        await _silent_and_taken_care_of(site)
        await _portal_resolved_too_soon(site)
        await _flapping(site)
        await _blind(site)
        await _trunk_that_nobody_minds(site)
    finally:
        site.stop_daemon()
    return folder / "ledger.sqlite"


def dumped(path: Path) -> str:
    """A ledger as the text of its SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump()) + "\n"


def scene_in(folder: Path) -> Scene:
    every = {"every": 3600.0, "recheck": 1800.0}
    return Scene(
        START,
        {
            "main-number": {**every, "of": Scripted, "diagnose": ("trunk",)},
            "trunk": {**every, "of": ScriptedTrunk},
            "agent-portal": {**every, "of": ScriptedPortal, "component": "agent-portal"},
            "admin-portal": {**every, "of": ScriptedPortal, "component": "admin-portal"},
        },
        folder=folder,
        audit=Audit(at=time(4, 0), to=("ops@example.net",), checks=("main-number", "agent-portal")),
    )


async def _silent_and_taken_care_of(site: Scene) -> None:
    """RV-1: opened, noted, acknowledged, recovered."""
    site.world["main-number"] = Failed("silent", "no sound for 8 s")
    await site.run_for(minutes=67)
    counter = TicketActions(site.ledger, site.configuration, site.clock.now())
    counter.note(
        1, "asha", "The IVR host is being rebooted; naïve \u0928\u092e\u0938\u094d\u0924\u0947"
    )
    counter.acknowledge(1, "asha")
    await site.run_for(hours=2)
    site.world["main-number"] = None
    await site.run_for(minutes=30)


async def _portal_resolved_too_soon(site: Scene) -> None:
    """Two portals under two issues or one; resolved by hand, failing again, reopened, reclassified,
    over.
    """
    site.world["agent-portal"] = site.world["admin-portal"] = Failed(
        "timeout", "no answer within 10 s"
    )
    await site.run_for(minutes=40)
    first, *_ = site.ledger.open_incidents()
    counter = TicketActions(site.ledger, site.configuration, site.clock.now())
    counter.resolve(first.number or 0, "asha", "restarted the web server")
    await site.run_for(minutes=40)
    TicketActions(site.ledger, site.configuration, site.clock.now()).reclassify(
        first.number or 0, "ravi", "report-portal-down"
    )
    site.world["agent-portal"] = site.world["admin-portal"] = None
    await site.run_for(minutes=100)


async def _flapping(site: Scene) -> None:
    """Good and bad in turn, until it is said to flap."""
    for _ in range(6):
        site.world["admin-portal"] = Failed("tls:expired", "the certificate has expired")
        await site.run_for(minutes=67)
        site.world["admin-portal"] = None
        await site.run_for(minutes=67)
    await site.run_for(hours=2)


async def _blind(site: Scene) -> None:
    """One of the checks cannot tell; somebody has it in hand, and it stays open."""
    site.world["agent-portal"] = CannotTell("the browser did not start")
    await site.run_for(hours=2)
    (blind,) = site.ledger.open_incidents()
    TicketActions(site.ledger, site.configuration, site.clock.now()).acknowledge(
        blind.number or 0, "ravi"
    )


async def _trunk_that_nobody_minds(site: Scene) -> None:
    """The trunk below the main number is down for a night: one ticket, the whole ladder, missed
    targets. Then the calls are over, and one thing more breaks.
    """
    site.world["trunk"] = Failed("sip:503/34", "Service Unavailable; no circuit")
    site.world["main-number"] = Failed("sip:503/34", "Service Unavailable; no circuit")
    await site.run_for(hours=14)
