"""audit: the morning round by hand, or the report that was made of a day."""

from __future__ import annotations

import asyncio
from argparse import Namespace

from monitor.audit.round import AuditRound, UnderWay
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.ledger import Ledger
from monitor.scheduling.rounds import Rounds
from monitor.scheduling.runner import Runner
from monitor.terminal import passing, say, show_json, watched
from monitor.verbs.inside import INSIDE, Inside
from monitor.verbs.opening import Stop, configuration_of, ledger_of
from monitor.verbs.reporting import kept_of
from reports.morning_report import Audit
from reports.render import render_audit

EXIT = {"OK": 0, "WARN": 1, "FAIL": 2}


def audit(arguments: Namespace) -> int:
    """Look at the audit's parts and print yesterday's report. 0 well, 1 to look at, 2 wrong.

    Nothing is mailed or kept unless --send says so; --date prints the report that was made of a
    day.
    """
    configuration = configuration_of(arguments)
    if configuration.audit is None:
        raise Stop(f"there is no [audit] in {configuration.file}")
    inside = INSIDE.get()
    if inside is not None and not arguments.date:
        found = _made_inside(inside, configuration, send=arguments.send)
    else:
        with ledger_of(configuration) as ledger:
            found = (
                kept_of(ledger, arguments.date)
                if arguments.date
                else _made(ledger, configuration, send=arguments.send)
            )
    if arguments.json:
        show_json({**found.to_dict(), "tone": found.tone})
    else:
        say(render_audit(found).text.rstrip("\n"))
    return EXIT[found.tone]


def _made(ledger: Ledger, configuration: Configuration, send: bool) -> Audit:
    clock, progress = (
        SystemClock(),
        _Progress(len(configuration.audit.checks) if configuration.audit else 0),
    )
    runner = Runner(clock, configuration.state / "exhibits", state=configuration.state)
    rounds = Rounds(ledger, configuration, clock, runner, progress.stage)
    try:
        return asyncio.run(AuditRound(ledger, rounds, clock).by_hand(progress.part, send))
    finally:
        progress.end()


def _made_inside(inside: Inside, configuration: Configuration, send: bool) -> Audit:
    """By the daemon's own round: what it is looking at by itself is not looked at twice."""
    parts, audit = inside.parts, configuration.audit
    progress = _Progress(len(audit.checks) if audit else 0)
    parts.listeners.append(progress.stage)
    try:
        return inside.awaited(inside.audit_of(configuration).by_hand(progress.part, send))
    except UnderWay as busy:
        raise Stop(str(busy)) from None
    finally:
        parts.listeners.remove(progress.stage)
        progress.end()


class _Progress:
    """One line that comes and goes: which part it is, and what it does. On a terminal only."""

    def __init__(self, parts: int) -> None:
        self._parts, self._begun, self._part = parts, 0, ""
        self._shown = watched()

    def part(self, check: str) -> None:
        """A part begins; one that is looked at again does not count twice."""
        self._begun, self._part = min(self._begun + 1, self._parts), check
        self._write(check)

    def stage(self, check: str, stage: str) -> None:
        """What a check does."""
        self._write(f"{check}: {stage}")

    def end(self) -> None:
        """Nothing is left of it."""
        if self._shown:
            passing("")

    def _write(self, text: str) -> None:
        if self._shown:
            passing(f"  part {self._begun} of {self._parts}  {text} …")
