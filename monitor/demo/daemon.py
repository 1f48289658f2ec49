"""The demo's daemon: the real one in a process of its own, asked as anybody may ask it, watched by
its ledger.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.incidents import store
from monitor.incidents.acceptance import take
from monitor.incidents.ticket_view import view
from monitor.ledger import AttemptRow, Ledger
from monitor.service.heartbeat import heartbeat
from monitor.terminal import colourful, passing
from reports.morning_report import Audit
from reports.ticket import Ticket

# From twice as many on as there are processors, calls began to lose sound (measured with the demo).
_BUSY = 2.0


class NotSeen(Exception):
    """A step of the story did not come in its time."""


def too_busy() -> str:
    """What to say of this machine's load, if it explains that something takes long (proc_loadavg:
    the processes that want a processor, of the last minute)."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    if load <= _BUSY * processors:
        return ""
    return (
        f": this machine is too busy (load {load:.1f} on {processors} processors);"
        " try again when it rests"
    )


class Watched:
    """The real daemon in a process of its own, and its ledger as anybody may read it."""

    def __init__(self, file: Path, configuration: Configuration, log: Path, quiet: bool) -> None:
        self.configuration, self.stopped_in = configuration, 0.0
        self._file, self._log, self._quiet = file, log, quiet
        self._clock = SystemClock()

    async def start(self) -> None:
        command = (sys.executable, "-P", "-m", "monitor.cli", "--config", str(self._file), "run")
        # What the daemon says is shown when it does not come up: a pipe that nobody reads would
        # stop it.
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        await self.until(
            "the daemon", lambda: (beat := heartbeat(self.configuration.state)) and beat.running, 60
        )
        self._ledger = Ledger(self.configuration.state / "ledger.sqlite", read_only=True)

    async def stop(self) -> None:
        """SIGTERM, as systemd does it; the daemon has 10 s."""
        began = time.monotonic()
        if hasattr(self, "_ledger"):
            self._ledger.close()
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            raise NotSeen("the daemon's end within 10 s of SIGTERM") from None
        self.stopped_in = round(time.monotonic() - began, 1)
        if code:
            raise NotSeen(f"a clean end of the daemon (it ended with {code})")

    async def until(
        self, what: str, seen: Callable[[], Any], within: float = 120.0, checks: Iterable[str] = ()
    ) -> Any:
        """What `seen` finds, as soon as it finds something; shows what the daemon does meanwhile.
        Raises NotSeen, with what was seen of these checks instead.
        """
        began = time.monotonic()
        while not (found := seen()):
            if time.monotonic() - began > within:
                raise NotSeen(f"{what} within {within:g} s{self._instead(checks)}{too_busy()}")
            if self._process.returncode is not None:
                # It will not come any more: to wait out the time would only hide that the daemon
                # died.
                raise NotSeen(f"{what}; the daemon ended with {self._process.returncode}")
            self._progress(time.monotonic() - began)
            await asyncio.sleep(0.1)
        self._progress(None)
        return found

    def look(self, check: str) -> None:
        """What `reveille run-now` does: the next call is due now."""
        with (
            Ledger(self.configuration.state / "ledger.sqlite") as ledger,
            ledger.transaction() as t,
        ):
            condition = store.condition_of(ledger, check)
            store.keep_condition(
                t, replace(condition, next_look=self._clock.now(), purpose="recheck")
            )

    async def audit(self) -> Audit:
        """What `reveille audit --send` does: the report. Raises NotSeen."""
        command = (
            sys.executable,
            "-P",
            "-m",
            "monitor.cli",
            "--config",
            str(self._file),
            "--json",
            "audit",
            "--send",
        )
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), 60)
            body = json.loads(said)
        except (TimeoutError, ValueError):
            raise NotSeen("the audit's report within 60 s") from None
        finally:
            # Cancelled, or over its time: nothing that the demo started may outlive it.
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Audit.from_dict({name: value for name, value in body.items() if name != "tone"})

    def accept(self, check: str, by: str) -> Any:
        """What `reveille baseline` does, as soon as there is something to accept; returns that."""
        if not (proposals := self._ledger.proposals(check)):
            return None
        with Ledger(self.configuration.state / "ledger.sqlite") as ledger:
            take(ledger, check, proposals, by, self._clock.now())
        return proposals[0].value

    def all_well(self) -> list[AttemptRow] | None:
        """The newest look at each check that is looked at by itself, once all of them are good."""
        names = [
            name for name, entry in self.configuration.checks.items() if entry.timetable is not None
        ]
        looks = [look for name in names for look in self._ledger.attempts(name, 1)]
        return (
            looks
            if len(looks) == len(names) and all(look.verdict.state == "OK" for look in looks)
            else None
        )

    def attempt(
        self, check: str, state: str, after: datetime | None = None, code: str = ""
    ) -> AttemptRow | None:
        """The first look at a check that came to this state, after a moment; with this fault alone,
        if one is named: what a busy machine does to a call is another.
        """
        for row in sorted(self._ledger.attempts(check), key=lambda row: row.started_at):
            fault = row.verdict.fault
            fits = not code or (fault is not None and fault.code == code)
            if row.verdict.state == state and fits and (not after or row.started_at > after):
                return row
        return None

    def below(self) -> list[str]:
        """What was looked at below the failed call."""
        return [row.check for row in self._ledger.attempts() if row.purpose == "diagnose"]

    def tickets(self) -> list[Ticket]:
        """Every ticket that there is."""
        now = self._clock.now()
        incidents = [store.incident_of(row) for row in self._ledger.incidents()]
        return [view(self._ledger, self.configuration, incident, now) for incident in incidents]

    def ticket(self, check: str, state: str = "open") -> Ticket | None:
        """The newest ticket of a check in this state; None where there is none. What a busy machine
        does to others has tickets of its own.
        """
        return next(
            (one for one in self.tickets() if one.state == state and one.check == check), None
        )

    def others(self, check: str) -> str:
        """The tickets that nobody injected, in words; "" where there are none."""
        found = [one for one in self.tickets() if one.check != check]
        return ", ".join(f"{one.number} of {one.check}: {one.summary}" for one in found)

    def mails(self, messages: Iterable[Any], event: str, number: str) -> list[Any] | None:
        """The mails of an event, once all that were ordered have arrived."""
        ordered = [row for row in self._ledger.outbox() if row.kind == event]
        arrived = [
            mail
            for mail in messages
            if mail["X-Reveille-Event"] == event and mail["X-Reveille-Incident"] == number
        ]
        return arrived if ordered and len(arrived) == len(ordered) else None

    def _instead(self, checks: Iterable[str]) -> str:
        """What the newest look at each came to, where that was not good: a host that lacks a
        library is not to be taken for one that is busy.
        """
        newest = [row for name in checks for row in self._ledger.attempts(name, 1)]
        bad = [row for row in newest if row.verdict.state != "OK"]
        return "".join(
            f"; {row.check} is {row.verdict.state}, {', '.join(row.verdict.reasons)}" for row in bad
        )

    def _progress(self, seconds: float | None) -> None:
        """One line that comes and goes, on a terminal only."""
        if self._quiet or not colourful():
            # A line that comes and goes is noise in a file and in a log.
            return
        beat = heartbeat(self.configuration.state)
        doing = (
            f"{beat.doing or 'waiting'}  {seconds:.0f} s" if beat and seconds is not None else ""
        )
        passing(f"        {doing}" if doing else "")
