"""Several real daemons on one real PostgreSQL, as several hosts: each with a state folder and a
name of its own.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path

import aiohttp

from lab.injected_faults import Faults
from lab.mail_server import Mailbox
from monitor.core.timetable import Every
from monitor.ledger import Ledger
from tests.loopback.databases import Postgres, postgres
from tests.scenes.daemon_process import MAIL_DESK, SITE, Process

_HOST = (
    """[probe]
name = "{name}"
location = "hall {name}"
tags = ["{name}-lan"]
[ledger]
url = "postgresql://{role}@/postgres?host={sockets}&sslmode=disable"
password = {{ file = "password" }}
"""
    + MAIL_DESK
)
_STATE = 'state = "state"\n'
CONFIGURATION = _STATE + SITE + _HOST


class Hosts:
    """Some of them, by name."""

    def __init__(
        self, folder: Path, server: Postgres, mailbox: Mailbox, checks: str, site: str = SITE
    ) -> None:
        self._folder, self._checks, self._site = folder, checks, site
        self.server, self.mailbox = server, mailbox
        self.sockets = str(server.sockets)
        """where the ledger's server is looked for; several, with a comma between, where it is one
        of them"""
        self.all: dict[str, Process] = {}

    async def start(
        self,
        name: str,
        checks: str = "",
        role: str = "reveille",
        program: Sequence[str] = ("-m", "monitor.cli"),
    ) -> Process:
        """One more, or one again; by a role of its own, or of another release, if need be."""
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        (folder / "password").write_text("sesame\n", encoding="utf-8")
        file = folder / "reveille.toml"
        host = _HOST.format(name=name, role=role, sockets=self.sockets, port=self.mailbox.port)
        head = f"{_STATE}{self._site}{host}"
        file.write_text(head + (checks or self._checks), encoding="utf-8")
        self.all[name] = Process(file, program)
        await self.all[name].start()
        return self.all[name]

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """A host that stands still."""
        process = self.all[name].process
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """What they have in common."""
        with next(iter(self.all.values())).ledger() as ledger:
            yield ledger

    def told(self, event: str) -> list[str]:
        """The Message-IDs of what was told of an event."""
        mails = self.mailbox.messages()
        return [str(mail["Message-ID"]) for mail in mails if mail["X-Reveille-Event"] == event]

    def log(self, name: str) -> str:
        return self.all[name].log.read_text()

    async def stop(self) -> None:
        for host in self.all.values():
            if host.process.returncode is None:
                await host.stop(signal.SIGKILL)


@asynccontextmanager
async def hosts(folder: Path, checks: str, *names: str, site: str = SITE) -> AsyncIterator[Hosts]:
    """Hosts of these names at work, and a mailbox that all of them tell."""
    mailbox = Mailbox(folder / "mailbox", Faults())
    await mailbox.open("127.0.0.1")
    with postgres() as server:
        server.run("CREATE ROLE reveille LOGIN PASSWORD 'sesame'")
        server.run("CREATE SCHEMA AUTHORIZATION reveille")
        made = Hosts(folder, server, mailbox, checks, site)
        try:
            for name in names:
                await made.start(name)
            yield made
        finally:
            await made.stop()
            await mailbox.close()


async def on_page(port: int, path: str) -> tuple[int, str]:
    """What a host's page answers: its status and the document."""
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                    return answer.status, await answer.text()
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.2)  # its process takes a second to listen


def slots_looked_at(ledger: Ledger, check: str, grid: Every) -> Counter[datetime]:
    """How often each slot of a grid was looked at by the clock."""
    looks = ledger.attempts(check, limit=1000)
    return Counter(grid.newest(look.started_at).at for look in looks if look.purpose == "scheduled")


async def passes(ledger: Ledger, seconds: float) -> None:
    """So many seconds go by on the ledger's clock."""
    until = ledger.now().timestamp() + seconds
    while ledger.now().timestamp() < until:
        await asyncio.sleep(0.2)  # asked again, as what passes is real time
