"""The demo: a practice contact centre, the real daemon, trouble and repair. Nothing is shown that
was not really seen.

The lab runs in this process, the daemon in its own, as on any host; what is told is read back from
the daemon's ledger and from the lab's mailbox. A step that does not come in its time ends the story
with exit code 1.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from checks.json_diff import lines
from lab import Lab
from lab.audit_data import prepared
from lab.configuration import left_out
from monitor.clock import SystemClock
from monitor.config import load
from monitor.demo.daemon import NotSeen, Watched, too_busy
from monitor.ledger import AttemptRow
from monitor.terminal import colourful, complain, say, show_json
from reports.morning_report import Audit
from reports.render import render_text
from reports.ticket import plain

_CALL = "main-number"
_SCREEN = "agents-toolbar"
# A caller who hears nothing is the plainest trouble, and the one that no ping and no port check
# finds.
_FAULT, _CODE = "ivr-silent", "silent"
# The story takes a minute and a half; with the end of the daemon it is over within four.
_LIMIT_SECONDS = 220.0
_ZONE = ZoneInfo("Asia/Kolkata")  # where the lab's configuration says that it is
# A small centre: enough calls for the charts of an hour, and written within a second.
_CALLS_A_DAY = 350


def tell(state: Path | None, as_json: bool) -> int:
    """Tell the story; `state` keeps everything. Returns the exit code."""
    kept = state is not None
    folder = state or Path(tempfile.mkdtemp(prefix="reveille-demo-"))
    story = Story(folder, as_json)
    try:
        if busy := too_busy():
            complain(f"reveille{busy}. It goes on, and may not see all in its time")
        asyncio.run(story.within(_LIMIT_SECONDS))
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

    async def within(self, seconds: float) -> None:
        """The story, or its end after so many seconds. Raises NotSeen."""
        try:
            async with asyncio.timeout(seconds):
                await self.run()
        except TimeoutError:
            raise NotSeen(f"the whole story within {seconds:g} s{too_busy()}") from None

    async def run(self) -> None:
        """Healthy, broken, ticketed, told, repaired, closed; and the audit of the morning."""
        async with Lab(self.folder / "lab") as lab, self._daemon(lab) as daemon:
            self._step("opened", where=lab.where(), checks=len(daemon.configuration.checks))
            for why, checks in left_out().items():
                self._step("left-out", why=why, checks=checks)
            await self._healthy(daemon)
            lab.break_(_FAULT)
            self._step("broken", fault=_FAULT, about=Lab.FAULTS[_FAULT])
            await self._trouble(lab, daemon)
            lab.mend()
            # Instead of the recheck five minutes later: the demo is told in about a minute.
            daemon.look(_CALL)
            self._step("mended", fault=_FAULT)
            # Side by side: the audit backs up and counts while the number is called again and
            # again.
            auditing = asyncio.create_task(daemon.audit())
            try:
                await self._recovery(lab, daemon)
                await self._morning(lab, daemon, await auditing)
            finally:
                auditing.cancel()
        self._step("stopped", seconds=daemon.stopped_in)
        self.complete = True

    async def _healthy(self, daemon: Watched) -> None:
        # What has a time of day waits for it; the demo does not.
        for name, entry in daemon.configuration.checks.items():
            if entry.at:
                daemon.look(name)
        shown = await daemon.until(
            "what the agents' screen shows", lambda: daemon.accept(_SCREEN, "demo")
        )
        self._step("accepted", check=_SCREEN, shown=lines(shown))
        attempt = await daemon.until(
            "a healthy test call", lambda: daemon.attempt(_CALL, "OK"), checks=[_CALL]
        )
        self._step("healthy", attempt=_told(attempt))
        looks = await daemon.until(
            "a good look at everything", daemon.all_well, checks=daemon.configuration.checks
        )
        if others := daemon.others(""):
            raise NotSeen(f"a healthy centre without a ticket ({others}){too_busy()}")
        self._step("everything", looks=[_look(look) for look in looks])

    async def _trouble(self, lab: Lab, daemon: Watched) -> None:
        daemon.look(_CALL)
        first = await daemon.until(
            "a failed test call",
            lambda: daemon.attempt(_CALL, "FAILED", code=_CODE),
            checks=[_CALL],
        )
        self._step("failed", attempt=_told(first))
        second = await daemon.until(
            "its confirmation", lambda: daemon.attempt(_CALL, "FAILED", first.started_at, _CODE)
        )
        ticket = await daemon.until("a ticket", lambda: daemon.ticket(_CALL))
        self._step("ticket", attempt=_told(second), ticket=ticket, below=daemon.below())
        mail = await daemon.until(
            "its mail", lambda: daemon.mails(lab.mailbox.messages(), "opened", ticket.number)
        )
        self._step(
            "mail",
            subject=mail[0]["Subject"],
            to=[str(m["To"]) for m in mail],
            sender=mail[0]["From"],
        )

    async def _recovery(self, lab: Lab, daemon: Watched) -> None:
        ticket = await daemon.until("its recovery", lambda: daemon.ticket(_CALL, "closed"))
        mail = await daemon.until(
            "the mail of its end",
            lambda: daemon.mails(lab.mailbox.messages(), "closed", ticket.number),
        )
        # One cause, one ticket: a second one is a failure of the demo, however well the rest went.
        if others := daemon.others(_CALL):
            raise NotSeen(f"one ticket for one cause; there are also {others}{too_busy()}")
        if len(daemon.tickets()) != 1:
            raise NotSeen(f"there are {len(daemon.tickets())} tickets for one cause{too_busy()}")
        self._step(
            "closed", ticket=ticket, subject=mail[0]["Subject"], to=[str(m["To"]) for m in mail]
        )

    async def _morning(self, lab: Lab, daemon: Watched, report: Audit) -> None:
        mail = await daemon.until("the report's mail", lambda: _reports(lab))
        pictures = [part for part in mail.walk() if part.get_content_maintype() == "image"]
        if (
            not report.backups
            or not report.backups[0].proven_at
            or report.calls is None
            or not pictures
        ):
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
    async def _daemon(self, lab: Lab) -> AsyncIterator[Watched]:
        file = self.folder / "reveille.toml"
        today = SystemClock().now().astimezone(_ZONE).date()
        audited = await asyncio.to_thread(
            prepared, lab.folder / "records", str(_ZONE), today, _CALLS_A_DAY
        )
        file.write_text(lab.configuration(self.folder / "state") + audited, encoding="utf-8")
        daemon = Watched(file, load(file), self.folder / "daemon.log", quiet=self.as_json)
        try:
            await daemon.start()
            yield daemon
        finally:
            await daemon.stop()

    def _step(self, name: str, **facts: Any) -> None:
        seconds = round(time.monotonic() - self._began, 1)
        self._steps.append({"step": name, "at_seconds": seconds, **facts})
        if not self.as_json:
            say(
                render_text("demo", colour=colourful(), step=name, at=seconds, **facts).rstrip("\n")
            )

    def failed(self, missing: str) -> None:
        """The story broke off."""
        log = self.folder / "daemon.log"
        tail = log.read_text(encoding="utf-8").splitlines()[-15:] if log.exists() else []
        self._step("missing", missing=missing, log=tail)

    def end(self, kept: bool) -> None:
        """Where to look; or everything at once, as data."""
        if self.as_json:
            show_json(
                {"complete": self.complete, "folder": str(self.folder), "steps": plain(self._steps)}
            )
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
                    left_out=[name for names in left_out().values() for name in names],
                ).rstrip("\n")
            )


def _told(attempt: AttemptRow) -> dict[str, Any]:
    """One test call, for the template."""
    seen = attempt.observation
    return {
        "kind": attempt.kind,
        "state": str(attempt.verdict.state),
        "reasons": list(attempt.verdict.reasons),
        "seconds": seen.seconds,
        "stages": [{"name": s.name, "seconds": s.seconds, "passed": s.passed} for s in seen.stages],
        "measures": dict(seen.measures),
        "exhibits": [[e.name, str(e.path)] for e in seen.exhibits],
    }


def _look(attempt: AttemptRow) -> dict[str, Any]:
    """One look at anything, for the template."""
    return {"check": attempt.check, "kind": attempt.kind, "state": str(attempt.verdict.state),
            "seconds": attempt.observation.seconds}  # fmt: skip


def _reports(lab: Lab) -> Any:
    """The report's mail, once it is there."""
    return next((mail for mail in lab.mailbox.messages() if mail["X-Reveille-Report"]), None)


def _evidence(steps: list[dict[str, Any]]) -> list[list[str]]:
    """What the failed call left behind."""
    failed = [step for step in steps if step["step"] == "ticket"]
    return failed[-1]["attempt"]["exhibits"] if failed else []
