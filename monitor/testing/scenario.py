"""A whole site without sockets, on a clock moved by hand: the kit for stories about time and
judgement, shipped.

    scene = Scene(start, checks={"main-number": {"at": (time(8, 30),)}})
    scene.world["main-number"] = Failed("sip:503", "Service Unavailable")
    await scene.run_until(start + timedelta(hours=2))
    assert scene.told() == ["opened RV-1 P2 ..."]

Everything but the far ends and the wall clock is real: ledger, policy, rounds, settlement, watch,
outbox.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from checks.contract import Check, Layer, Trace
from monitor import policies
from monitor.audit.round import AuditRound
from monitor.config import CheckEntry, Configuration
from monitor.config.section_models import Audit, Person, Site
from monitor.core.maintenance import Window
from monitor.core.timetable import Daily, Every, phase_seconds
from monitor.delivery.outbox import Outbox
from monitor.desks.mail import MailSettings
from monitor.incidents.correlation import AttemptResult
from monitor.incidents.deadlines import keep_watch, next_watch
from monitor.ledger import Ledger
from monitor.ledger.server_address import Place
from monitor.scheduling.rounds import Due, Rounds
from monitor.scheduling.runner import Runner
from monitor.testing.doubles import FakeDesk, ManualClock


class World:
    """What each check would find: None is well, an exception is what is wrong with it."""

    def __init__(self) -> None:
        self._wrong: dict[str, Exception] = {}

    def __setitem__(self, check: str, wrong: Exception | None) -> None:
        if wrong is None:
            self._wrong.pop(check, None)
        else:
            self._wrong[check] = wrong

    def __getitem__(self, check: str) -> Exception | None:
        return self._wrong.get(check)


class Scripted(Check):
    """A call to an IVR that finds what the world says."""

    KIND: ClassVar[str] = "sip-call"
    LAYER: ClassVar[Layer] = Layer.PROMPT
    STAGE: ClassVar[str] = "prompt"

    name: str
    world: World

    async def probe(self, trace: Trace) -> None:
        """One stage, as the world has it."""
        with trace.stage(self.STAGE):
            if (wrong := self.world[self.name]) is not None:
                raise wrong

    def measures(self) -> Mapping[str, str]:
        """The time of its one stage."""
        return {f"{self.STAGE}_seconds": "how long it took, in seconds"}


class ScriptedTrunk(Scripted):
    """The trunk below it."""

    KIND: ClassVar[str] = "sip-options"
    LAYER: ClassVar[Layer] = Layer.LINE
    STAGE: ClassVar[str] = "answer"


class ScriptedPortal(Scripted):
    """A portal beside it."""

    KIND: ClassVar[str] = "portal"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    STAGE: ClassVar[str] = "response"


class Scene:
    """One site from `start` on."""

    def __init__(
        self,
        start: datetime,
        checks: Mapping[str, Mapping[str, Any]],
        zone: str = "Asia/Kolkata",
        maintenance: tuple[Window, ...] = (),
        people: Mapping[str, str] | None = None,
        folder: Path | None = None,
        audit: Audit | None = None,
        policy: str = "ozonetel",
        place: Place | None = None,
    ) -> None:
        """`checks` maps a name to what differs from a plain entry: "of" (its class), "at", "every",
        "diagnose" ...; `place`: where its ledger lies, if not in the folder.
        """
        self.world, self.clock, self.desk = World(), ManualClock(start), FakeDesk()
        self.seen: list[tuple[datetime, Due, AttemptResult]] = []
        self._folder = folder or Path(tempfile.mkdtemp(prefix="reveille-scene-"))
        self.place = place or self._folder / "ledger.sqlite"
        entries = {name: self._entry(name, zone, **given) for name, given in checks.items()}
        self.configuration = replace(
            _configuration(self._folder, zone, entries, maintenance, people, policy), audit=audit
        )
        self.start_daemon()

    def start_daemon(self) -> None:
        """Begin anew on the same ledger: what a restart does."""
        self.ledger = Ledger(self.place)
        runner = Runner(self.clock, self._folder / "exhibits")
        self.rounds = Rounds(self.ledger, self.configuration, self.clock, runner)
        self.audit = AuditRound(self.ledger, self.rounds, self.clock)
        self.outbox = Outbox(self.ledger, {"mail": self.desk}, "scene", self.configuration.state)
        self.outbox.take_over(self.clock.now())

    def stop_daemon(self) -> None:
        """What is in the ledger stays; nothing else does."""
        self.ledger.close()

    async def turn(self) -> None:
        """Everything that is owed at this moment."""
        while owed := await self.rounds.owed(self.clock.now()):
            for due in owed:
                if (seen := await self.rounds.look(due)) is not None:
                    self.seen.append((self.clock.now(), due, seen))
        if (slot := await self.audit.owed(self.clock.now())) is not None:
            await self.audit.run(slot)
        keep_watch(self.ledger, self.configuration, self.clock.now())
        await self.outbox.deliver_due(self.clock.now())

    async def run_until(self, end: datetime) -> None:
        """Go from moment to moment at which something is owed, up to and with `end`."""
        await self.turn()
        while (moment := await self._next()) is not None and moment <= end:
            self.clock.advance((moment - self.clock.now()).total_seconds())
            await self.turn()
        self.clock.advance((end - self.clock.now()).total_seconds())
        await self.turn()

    async def run_for(self, **span: float) -> None:
        """The same for a span of time (as timedelta has them)."""
        await self.run_until(self.clock.now() + timedelta(**span))

    def told(self) -> list[str]:
        """What went out, in order: "opened RV-1 to support@example.net"."""
        return [
            f"{one.kind} RV-{one.incident} to {one.recipient.partition('@')[0]}"
            for one in self.desk.letters
        ]

    async def _next(self) -> datetime | None:
        now = self.clock.now()
        # What is due by now has just been done: without this step a moment in the past would be
        # gone to for ever.
        soonest = now + timedelta(milliseconds=1)
        moments = (
            await self.rounds.next_moment(now),
            await self.audit.next_moment(now),
            next_watch(self.ledger, self.configuration, now),
            await self.outbox.next_due(),
        )
        return min((max(moment, soonest) for moment in moments if moment), default=None)

    def _entry(
        self, name: str, zone: str, of: type[Scripted] = Scripted, **given: Any
    ) -> CheckEntry:
        at, every = given.get("at", ()), given.get("every")
        grid = Every(every, phase_seconds(name, every)) if every else None
        plain = CheckEntry(
            name=name,
            probe=of(name=name, world=self.world),
            at=at,
            every=every,
            timetable=grid or (Daily(at, zone) if at else None),
            expect=(),
            warn=(),
            confirm=2,
            confirm_after=20.0,
            recover=2,
            recheck=300.0,
            diagnose=(),
            component="",
            severity="",
            limit=30.0,
            grace=21600.0,
        )
        return replace(plain, **given)


def _configuration(
    folder: Path,
    zone: str,
    entries: Mapping[str, CheckEntry],
    maintenance: tuple[Window, ...],
    people: Mapping[str, str] | None,
    policy: str,
) -> Configuration:
    loaded = policies.load(policy)
    everybody = {role: role for role in ("operators", *loaded.roles)}
    roles = everybody if people is None else people
    return Configuration(
        file=folder / "reveille.toml",
        directory=folder,
        state=folder,
        keep_evidence=86400.0,
        site=Site(name="Pune", timezone=zone, region="india"),
        people=tuple(Person(role=role, mail=f"{name}@example.net") for role, name in roles.items()),
        lines={},
        agents={},
        checks=entries,
        maintenance=maintenance,
        desks={"mail": MailSettings(host="127.0.0.1", sender="reveille@example.net")},
        audit=None,
        policy=loaded.at(zone),
    )
