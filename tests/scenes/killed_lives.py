"""Lives of incidents under the real daemon, which is ended by SIGKILL again and again. Its wall
clock is moved by libfaketime; mail goes to a real server.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lab.injected_faults import Faults
from lab.mail_server import Mailbox
from monitor.config import Configuration
from monitor.incidents.opening import Opening
from monitor.incidents.ticket_actions import TicketActions
from monitor.ledger import Ledger
from tests.scenes.daemon_process import Process
from tests.scenes.lives import LATE, Aways, behind, faults
from tests.scenes.moved_lives import Lives

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
KILLS = 4
_ROLES = (
    "operators", "customer-support-desk", "change-request-desk", "shift-team-leader",
    "change-request-level-2", "change-request-level-3", "director-technical-support",
)  # fmt: skip
# The instants at which something is due after the opening under ozonetel: levels and targets.
_DUE_SECONDS = (1800, 3600, 7200, 14_400, 28_800)


class MovedWall:
    """The wall clock of the daemon: the real one, and so much more."""

    def __init__(self, folder: Path) -> None:
        self._file, self.ahead = folder / "faketime", 0.0
        self.set(0.0)

    def set(self, ahead: float) -> None:
        """From now on it shows so many seconds more than the real one."""
        # Whole seconds, as the file has them.
        self.ahead = ahead = float(round(ahead))
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{ahead:+.0f}\n", encoding="ascii")
        beside.replace(self._file)

    def now(self) -> datetime:
        # The ledger keeps milliseconds.
        return datetime.fromtimestamp(int((time.time() + self.ahead) * 1000) / 1000, UTC)

    @contextmanager
    def for_children(self) -> Iterator[None]:
        """Processes that are started within have this clock."""
        more = {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            # Read anew each second: without a cache each call of time(2) opens the file, which was
            # half of what a life cost.
            "FAKETIME_CACHE_DURATION": "1",
            # asyncio waits by the monotonic clock, which no jump of the wall clock moves.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        os.environ.update(more)
        try:
            yield
        finally:
            for name in more:
                del os.environ[name]


async def live_killed(folder: Path, draw: random.Random) -> Lives:
    """All issues of ozonetel at once, through several deaths."""
    mailbox = Mailbox(folder / "mail", Faults())
    await mailbox.open("127.0.0.1")
    try:
        file = folder / "reveille.toml"
        people = "\n".join(
            f'[[people]]\nrole = "{role}"\nmail = "{role}@example.net"\n' for role in _ROLES
        )
        file.write_text(
            f'state = "state"\n[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\n'
            f'region = "india"\npolicy = "ozonetel"\n{people}\n[desks.mail]\nkind = "mail"\n'
            f'host = "127.0.0.1"\nport = {mailbox.port}\nsender = "reveille@example.net"\n'
            f'tls = "none"\n',
            encoding="utf-8",
        )
        return await _Killed(folder, file, mailbox, draw).live()
    finally:
        await mailbox.close()


class _Killed:
    """One row of lives."""

    def __init__(self, folder: Path, file: Path, mailbox: Mailbox, draw: random.Random) -> None:
        self._wall, self._mailbox, self._draw = MovedWall(folder), mailbox, draw
        self._daemon, self._aways = Process(file), Aways()
        self._seen = Lives(0)

    async def live(self) -> Lives:
        """From the opening to the last letter."""
        try:
            await self._start()
            self._open()
            opened = self._wall.now()
            dues = sorted(self._draw.sample(_DUE_SECONDS, KILLS))
            for due in dues:
                await self._killed_about(opened + timedelta(seconds=due))
            self._resolve()
            await self._daemon.until(self._all_sent, 900)
        finally:
            await self._daemon.stop()
        keys = [str(mail["Message-ID"]) for mail in self._mailbox.messages()]
        with self._daemon.ledger() as ledger:
            self._seen.faults += faults(ledger, self._configuration, self._aways, keys)
        self._seen.happened["mails again"] += len(keys) - len(set(keys))
        return self._seen

    @property
    def _configuration(self) -> Configuration:
        return self._daemon.configuration

    async def _start(self) -> None:
        with self._wall.for_children():
            await self._daemon.start()

    def _ledger(self) -> Ledger:
        return Ledger(self._daemon.state / "ledger.sqlite")

    def _open(self) -> None:
        with self._ledger() as ledger:
            opening = Opening(ledger, self._configuration, self._wall.now())
            for issue in self._configuration.policy.issues:
                if issue.owner != "monitor":
                    opening.issue(issue.id, "seen by hand", "asha")
                    self._seen.lives += 1

    def _resolve(self) -> None:
        with self._ledger() as ledger:
            actions = TicketActions(ledger, self._configuration, self._wall.now())
            for row in ledger.open_incidents():
                if self._draw.random() < 0.5:
                    actions.acknowledge(row.number or 0, "ravi")
                actions.resolve(row.number or 0, "ravi", "mended")

    async def _killed_about(self, due: datetime) -> None:
        """Go on to a few seconds before something is due, and end the daemon about then."""
        since = self._wall.now()
        self._wall.set(self._wall.ahead + max(0.0, (due - since).total_seconds() - 2))
        self._seen.happened["ahead"] += 1
        await asyncio.sleep(self._draw.random() * 4)  # any moment about the due one will do
        await self._daemon.stop(signal.SIGKILL)
        self._seen.happened["SIGKILL"] += 1
        jump = self._draw.choice((0, 0, 120, 4000, -20))
        if jump < 0:
            self._aways.set_back = True
        self._wall.set(self._wall.ahead + jump)
        self._seen.happened["back" if jump < 0 else "away"] += 1
        await self._start()
        # What the jump has left out nobody could watch; and between jump and death there was less
        # than the minute that it has for what came due.
        self._aways.spans.append((since, self._wall.now()))
        within = time.monotonic() + LATE.total_seconds()
        while (late := self._behind()) and time.monotonic() < within:
            await asyncio.sleep(0.2)  # asked again until it is so
        self._seen.faults += [f"{one} was not done in its minute" for one in late]

    def _behind(self) -> list[str]:
        with self._daemon.ledger() as ledger:
            return behind(ledger, self._wall.now())

    def _all_sent(self) -> bool:
        def sent(ledger: Ledger) -> bool:
            return all(row.state == "sent" for row in ledger.outbox())

        return bool(self._daemon.read(sent))
