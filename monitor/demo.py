"""The demo: a practice contact centre, the real daemon, trouble and repair. Nothing is shown that was not really seen.

The lab runs in this process, the daemon in its own, as on any host; what is told is read back from the daemon's
ledger and from the lab's mailbox. A step that does not come in its time ends the story with exit code 1.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lab import Lab
from lab.morning import prepared
from monitor import casebook
from monitor.clock import SystemClock
from monitor.config import Configuration, load
from monitor.ledger import AttemptRow, Ledger
from monitor.presence import heartbeat
from monitor.terminal import colourful, say, show_json
from monitor.tickets import view
from reports.audit import Audit
from reports.model import Ticket, plain
from reports.render import render_text

_CALL = "main-number"
_FAULT = "ivr-silent"
_ZONE = ZoneInfo("Asia/Kolkata")  # where the lab's configuration says that it is
_CALLS_A_DAY = 700


class NotSeen(Exception):
    """A step of the story did not come in its time."""


def tell(state: Path | None, as_json: bool) -> int:
    """Tell the story; `state` keeps everything. Returns the exit code."""
    kept = state is not None
    folder = state or Path(tempfile.mkdtemp(prefix="reveille-demo-"))
    story = Story(folder, as_json)
    try:
        asyncio.run(story.run())
    except NotSeen as missing:
        story.failed(str(missing))
    finally:
        story.end(kept)
    return 0 if story.complete else 1


@dataclass
class Story:
    """One telling, in `folder`."""

    folder: Path
    as_json: bool
    complete: bool = False
    _began: float = field(default_factory=time.monotonic)
    _steps: list[dict[str, Any]] = field(default_factory=list)

    async def run(self) -> None:
        """Healthy, broken, ticketed, told, repaired, closed; and the audit of the morning."""
        async with Lab(self.folder / "lab") as lab, self._daemon(lab) as daemon:
            self._step("opened", where=lab.where(), checks=len(daemon.configuration.checks))
            await self._healthy(daemon)
            lab.break_(_FAULT)
            self._step("broken", fault=_FAULT, about=Lab.FAULTS[_FAULT])
            await self._trouble(lab, daemon)
            lab.mend()
            self._step("mended", fault=_FAULT)
            auditing = asyncio.create_task(daemon.audit())  # while the number is called again and again
            try:
                await self._recovery(lab, daemon)
                await self._morning(lab, daemon, await auditing)
            finally:
                auditing.cancel()
        self._step("stopped", seconds=daemon.stopped_in)
        self.complete = True

    async def _healthy(self, daemon: _Daemon) -> None:
        attempt = await daemon.until("a healthy test call", lambda: daemon.attempt("OK"))
        self._step("healthy", attempt=_told(attempt))

    async def _trouble(self, lab: Lab, daemon: _Daemon) -> None:
        daemon.look(_CALL)
        first = await daemon.until("a failed test call", lambda: daemon.attempt("FAILED"))
        self._step("failed", attempt=_told(first))
        second = await daemon.until("its confirmation", lambda: daemon.attempt("FAILED", after=first.started_at))
        ticket = await daemon.until("a ticket", daemon.ticket)
        self._step("ticket", attempt=_told(second), ticket=ticket, below=daemon.below())
        mail = await daemon.until("its mail", lambda: daemon.mails(lab, "opened", ticket.number))
        self._step("mail", subject=mail[0]["Subject"], to=[str(m["To"]) for m in mail], sender=mail[0]["From"])

    async def _recovery(self, lab: Lab, daemon: _Daemon) -> None:
        ticket = await daemon.until("its recovery", lambda: daemon.ticket("closed"))
        mail = await daemon.until("the mail of its end", lambda: daemon.mails(lab, "closed", ticket.number))
        if len(daemon.tickets()) != 1:
            raise NotSeen(f"there are {len(daemon.tickets())} tickets for one cause")
        self._step("closed", ticket=ticket, subject=mail[0]["Subject"], to=[str(m["To"]) for m in mail])

    async def _morning(self, lab: Lab, daemon: _Daemon, report: Audit) -> None:
        mail = await daemon.until("the report's mail", lambda: _reports(lab))
        pictures = [part for part in mail.walk() if part.get_content_maintype() == "image"]
        if not report.backups or not report.backups[0].proven_at or report.calls is None or not pictures:
            raise NotSeen("usage, a proven backup and pictures in the report")
        self._step(
            "audited",
            subject=str(mail["Subject"]),
            to=str(mail["To"]),
            calls=report.calls,
            weeks=report.usage[0]["weeks"],
            backup=report.backups[0],
            pictures=len(pictures),
            tone=report.tone,
        )

    @asynccontextmanager
    async def _daemon(self, lab: Lab) -> AsyncIterator[_Daemon]:
        file = self.folder / "reveille.toml"
        today = SystemClock().now().astimezone(_ZONE).date()
        audited = await asyncio.to_thread(prepared, lab.folder / "records", str(_ZONE), today, _CALLS_A_DAY)
        file.write_text(lab.configuration(self.folder / "state") + audited, encoding="utf-8")
        daemon = _Daemon(file, load(file), self.folder / "daemon.log", quiet=self.as_json)
        await daemon.start()
        try:
            yield daemon
        finally:
            await daemon.stop()

    # -- telling ------------------------------------------------------------------------------------------------

    def _step(self, name: str, **facts: Any) -> None:
        seconds = round(time.monotonic() - self._began, 1)
        self._steps.append({"step": name, "at_seconds": seconds, **facts})
        if not self.as_json:
            say(render_text("demo", colour=colourful(), step=name, at=seconds, **facts).rstrip("\n"))

    def failed(self, missing: str) -> None:
        """The story broke off."""
        log = self.folder / "daemon.log"
        tail = log.read_text(encoding="utf-8").splitlines()[-15:] if log.exists() else []
        self._step("missing", missing=missing, log=tail)

    def end(self, kept: bool) -> None:
        """Where to look; or everything at once, as data."""
        if self.as_json:
            show_json({"complete": self.complete, "folder": str(self.folder), "steps": plain(self._steps)})
        elif self._steps:
            file = self.folder / "reveille.toml"
            say(
                render_text(
                    "demo",
                    colour=colourful(),
                    step="end",
                    complete=self.complete,
                    folder=self.folder,
                    file=file,
                    kept=kept,
                    evidence=_evidence(self._steps),
                ).rstrip("\n")
            )


class _Daemon:
    """The real daemon in a process of its own, and its ledger as anybody may read it."""

    def __init__(self, file: Path, configuration: Configuration, log: Path, quiet: bool) -> None:
        self.configuration, self.stopped_in = configuration, 0.0
        self._file, self._log, self._quiet = file, log, quiet
        self._clock = SystemClock()

    async def start(self) -> None:
        command = (sys.executable, "-m", "monitor.cli", "--config", str(self._file), "run")
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        await self.until("the daemon", lambda: (beat := heartbeat(self.configuration.state)) and beat.running, 15)
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

    async def until(self, what: str, seen: Callable[[], Any], within: float = 60.0) -> Any:
        """What `seen` finds, as soon as it finds something; shows what the daemon does meanwhile. Raises NotSeen."""
        began = time.monotonic()
        while not (found := seen()):
            if time.monotonic() - began > within:
                raise NotSeen(f"{what} within {within:g} s")
            if self._process.returncode is not None:
                raise NotSeen(f"{what}; the daemon ended with {self._process.returncode}")
            self._progress(time.monotonic() - began)
            await asyncio.sleep(0.1)
        self._progress(None)
        return found

    def look(self, check: str) -> None:
        """What `reveille look` does: the next call is due now."""
        with Ledger(self.configuration.state / "ledger.sqlite") as ledger, ledger.transaction() as t:
            condition = casebook.condition_of(ledger, check)
            casebook.keep_condition(t, replace(condition, next_look=self._clock.now(), purpose="recheck"))

    async def audit(self) -> Audit:
        """What `reveille audit --send` does: the report. Raises NotSeen."""
        command = (sys.executable, "-m", "monitor.cli", "--config", str(self._file), "--json", "audit", "--send")
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=log)
        try:
            said, _ = await asyncio.wait_for(process.communicate(), 60)
            body = json.loads(said)
        except (TimeoutError, ValueError):
            raise NotSeen("the audit's report within 60 s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Audit.from_dict({name: value for name, value in body.items() if name != "tone"})

    def attempt(self, state: str, after: datetime | None = None) -> AttemptRow | None:
        """The first test call of this state, after a moment."""
        rows = sorted(self._ledger.attempts(_CALL), key=lambda row: row.started_at)
        return next((r for r in rows if r.verdict.state == state and (not after or r.started_at > after)), None)

    def below(self) -> list[str]:
        """What was looked at below the failed call."""
        return [row.check for row in self._ledger.attempts() if row.purpose == "diagnose"]

    def tickets(self) -> list[Ticket]:
        """All there are."""
        now = self._clock.now()
        incidents = [casebook.incident_of(row) for row in self._ledger.incidents()]
        return [view(self._ledger, self.configuration, incident, now) for incident in incidents]

    def ticket(self, state: str = "open") -> Ticket | None:
        """The one that is in this state."""
        return next((ticket for ticket in self.tickets() if ticket.state == state), None)

    def mails(self, lab: Lab, event: str, number: str) -> list[Any] | None:
        """The mails of an event, once all that were ordered have arrived."""
        ordered = [row for row in self._ledger.outbox() if row.kind == event]
        arrived = [
            mail
            for mail in lab.mailbox.messages()
            if mail["X-Reveille-Event"] == event and mail["X-Reveille-Incident"] == number
        ]
        return arrived if ordered and len(arrived) == len(ordered) else None

    def _progress(self, seconds: float | None) -> None:
        """One line that comes and goes, on a terminal only."""
        if self._quiet or not colourful():
            return
        beat = heartbeat(self.configuration.state)
        doing = f"{beat.doing or 'waiting'}  {seconds:.0f} s" if beat and seconds is not None else ""
        sys.stderr.write(f"\r\x1b[2K\x1b[2m        {doing}\x1b[0m" if doing else "\r\x1b[2K")
        sys.stderr.flush()


def _told(attempt: AttemptRow) -> dict[str, Any]:
    """One test call, for the template."""
    seen = attempt.observation
    return {
        "state": str(attempt.verdict.state),
        "reasons": list(attempt.verdict.reasons),
        "seconds": seen.seconds,
        "stages": [{"name": s.name, "seconds": s.seconds, "passed": s.passed} for s in seen.stages],
        "measures": dict(seen.measures),
        "exhibits": [[e.name, str(e.path)] for e in seen.exhibits],
    }


def _reports(lab: Lab) -> Any:
    """The report's mail, once it is there."""
    return next((mail for mail in lab.mailbox.messages() if mail["X-Reveille-Report"]), None)


def _evidence(steps: list[dict[str, Any]]) -> list[list[str]]:
    """What the failed call left behind."""
    failed = [step for step in steps if step["step"] == "ticket"]
    return failed[-1]["attempt"]["exhibits"] if failed else []
