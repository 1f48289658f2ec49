"""Lives of incidents on a clock moved by hand: all issues of a policy at once, again and again,
under a daemon that dies between two turns or in the middle of a send.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.desks.desk import Letter
from monitor.incidents.opening import Opening
from monitor.incidents.ticket_actions import NotPossible, TicketActions
from monitor.testing.doubles import FakeDesk
from monitor.testing.scenario import Scene
from tests.scenes.lives import Aways, faults

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
POLICIES = ("ozonetel", "voxeo")
"""round the clock, so that what is due is a sum"""


class Died(BaseException):
    """The end of the daemon, as no `except Exception` sees it."""


@dataclass
class Mortal(FakeDesk):
    """A desk at which the daemon dies: before a letter has gone out, or after it and before the
    receipt.
    """

    dies: str = ""
    dead: bool = False
    scene: Scene | None = None

    async def deliver(self, letter: Letter) -> str:
        if self.dies == "before":
            self._die()
        reference = await super().deliver(letter)
        if self.dies == "after":
            self._die()
        return reference

    def _die(self) -> None:
        # What is dead writes no receipt.
        self.dies, self.dead = "", True
        if self.scene:
            self.scene.ledger.close()
        raise Died


@dataclass
class Lives:
    """What became of a row of lives."""

    lives: int
    happened: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Row:
    """Lives of one site, one batch after the other."""

    def __init__(self, folder: Path, draw: random.Random, policy: str) -> None:
        self._draw, self._aways = draw, Aways()
        self._site = Scene(START, {}, policy=policy, folder=folder)
        self._desk = Mortal(scene=self._site)
        self._site.desk = self._desk
        self._site.stop_daemon()
        self._site.start_daemon()
        self._issues = [
            one.id for one in self._site.configuration.policy.issues if one.owner != "monitor"
        ]
        self._seen = Lives(0)

    async def live(self, batches: int) -> Lives:
        """So many batches, each of all issues."""
        for _ in range(batches):
            await self._batch()
        await self._run_to(self._now + timedelta(minutes=5))
        keys = [letter.key for letter in self._desk.letters]
        site = self._site
        self._seen.faults += faults(site.ledger, site.configuration, self._aways, keys)
        site.stop_daemon()
        return self._seen

    @property
    def _now(self) -> datetime:
        return self._site.clock.now()

    async def _batch(self) -> None:
        """Every issue once: opened, perhaps taken, resolved; with deaths and jumps in between."""
        draw, plan = self._draw, list[tuple[int, str, str]]()
        for issue in self._issues:
            opens, lasts = draw.randrange(1800), draw.choice((300, 2400, 9000, 20_000, 40_000))
            plan.append((opens, "open", issue))
            if draw.random() < 0.5:
                plan.append((opens + draw.randrange(lasts), "take", issue))
            plan.append((opens + draw.randrange(lasts // 2, lasts), "resolve", issue))
        for _ in range(draw.randrange(6)):
            what = draw.choice(("stop", "die before", "die after", "ahead", "back"))
            plan.append((draw.randrange(40_000), what, ""))
        began, numbers = self._now, dict[str, int]()
        for after, what, issue in sorted(plan):
            await self._run_to(began + timedelta(seconds=after))
            self._do(what, issue, numbers)
        # Beyond the time within which an issue would come back under its old ticket.
        await self._run_to(self._now + timedelta(days=8))

    def _do(self, what: str, issue: str, numbers: dict[str, int]) -> None:
        self._seen.happened[what] += 1
        site, now = self._site, self._now
        if what == "open":
            opening = Opening(site.ledger, site.configuration, now)
            with suppress(NotPossible):
                found = opening.issue(issue, "seen by hand", "asha")
                numbers[issue] = found.number or 0
                self._seen.lives += 1
        elif what in ("take", "resolve"):
            actions = TicketActions(site.ledger, site.configuration, now)
            with suppress(NotPossible):
                if what == "take":
                    actions.acknowledge(numbers[issue], "ravi")
                else:
                    actions.resolve(numbers[issue], "ravi", "mended")
        elif what.startswith("die"):
            self._desk.dies = what.removeprefix("die ")
        elif what == "stop":
            site.stop_daemon()
            self._jump(self._draw.choice((1, 50, 600, 9000)))
            site.start_daemon()
        elif what == "ahead":
            self._jump(self._draw.choice((90, 3600, 15_000)))
        else:
            self._aways.set_back = True
            site.clock.advance(-self._draw.choice((30, 900, 5000)))

    def _jump(self, seconds: float) -> None:
        since = self._now
        self._site.clock.advance(seconds)
        self._aways.spans.append((since, self._now))

    async def _run_to(self, moment: datetime) -> None:
        """Live on to a moment; a daemon that dies on the way is started again."""
        while self._now < moment:
            try:
                await self._site.run_until(moment)
            except (Died, sqlite3.ProgrammingError):
                # Its last words were to go into a ledger that is closed to the dead.
                if not self._desk.dead:
                    raise
                self._desk.dead = False
                await asyncio.sleep(0)
                since = self._now
                self._site.start_daemon()
                self._seen.happened["died"] += 1
                self._aways.spans.append((since, self._now))
