"""audit: the morning round by hand, or the report that was made of a day."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from datetime import date, timedelta

from monitor.audit import AuditRound
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.ledger import Ledger
from monitor.rounds import Rounds
from monitor.runner import Runner
from monitor.terminal import complain, say, show_json
from monitor.verbs.opening import Stop, configuration_of, ledger_of
from reports.audit import Audit
from reports.render import render_audit

EXIT = {"OK": 0, "WARN": 1, "FAIL": 2}


def audit(arguments: Namespace) -> int:
    """Look at the audit's parts and print yesterday's report; nothing is mailed. 0 well, 1 to look at, 2 wrong."""
    configuration = configuration_of(arguments)
    if configuration.audit is None:
        raise Stop(f"there is no [audit] in {configuration.file}")
    with ledger_of(configuration) as ledger:
        found = _kept(ledger, configuration, arguments.date) if arguments.date else _made(ledger, configuration)
    if arguments.json:
        show_json({**found.to_dict(), "tone": found.tone})
    else:
        say(render_audit(found).text.rstrip("\n"))
    return EXIT[found.tone]


def _kept(ledger: Ledger, configuration: Configuration, written: str) -> Audit:
    try:
        day = date.fromisoformat(written)
    except ValueError:
        raise Stop(f"{written!r} is no day; write it as in '2026-11-21'") from None
    found = _round(ledger, configuration).kept(day)
    if found is None:
        raise Stop(f"no report was made of {day}")
    return found


def _made(ledger: Ledger, configuration: Configuration) -> Audit:
    clock = SystemClock()
    making = _round(ledger, configuration)
    asyncio.run(making.parts(_progress))
    now = clock.now()
    return making.report(now.astimezone(configuration.site.zone).date() - timedelta(days=1), now)


def _round(ledger: Ledger, configuration: Configuration) -> AuditRound:
    clock = SystemClock()
    rounds = Rounds(ledger, configuration, clock, Runner(clock, configuration.state / "exhibits"))
    return AuditRound(ledger, rounds, clock)


def _progress(check: str) -> None:
    if sys.stderr.isatty():
        complain(f"\x1b[2m  {check} …\x1b[0m")
