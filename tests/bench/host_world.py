"""What the bench of faults of several hosts goes on in: daemons with a state folder, a clock and a
way to the ledger of their own, the portals that they look at, a mailbox, and a PostgreSQL with its
standby.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab.injected_faults import Faults
from lab.mail_server import Mailbox
from lab.server_link import Link
from tests.loopback.databases import Postgres, postgres
from tests.loopback.serving import listening
from tests.loopback.test_database_health import standby
from tests.scenes.daemon_process import MAIL_DESK, SITE, Process
from tests.scenes.killed_lives import MovedWall

NAMES = ("pune", "delhi", "mumbai")
EVERY_SECONDS, EACH = 30, 3
COMPONENTS = ("agent-portal", "admin-portal", "dashboard-portal", "report-portal")
STATE_BYTES = "96m"
_HEAD = """state = "{state}"
{site}
[probe]
name = "{name}"
[ledger]
url = "postgresql://reveille@127.0.0.1:{ledger}/postgres?sslmode=disable"
password = {{ file = "password" }}
{desk}"""
_CHECK = """[checks.{name}]
kind = "portal"
component = "{component}"
url = "http://127.0.0.1:{port}/{component}"
every = "{every}s"
confirm = 2
confirm_after = "2s"
recheck = "10s"
within = "5s"
"""
CHECKS = {f"{component}-{n}": component for component in COMPONENTS for n in range(EACH)}
"""check -> its component"""


@dataclass
class Portals:
    """What is looked at; a component that is broken answers 500."""

    broken: str = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            bad = head.split(b" ")[1].decode().strip("/") == self.broken
            status = b"500 Broken" if bad else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()


class Host:
    """One of them."""

    def __init__(self, folder: Path, name: str, link: Link, portals: int, mailbox: int) -> None:
        self.folder, self.name, self.link = folder / name, name, link
        self._words = {"portals": portals, "mailbox": mailbox}
        self.state = self.folder / "state"
        self.state.mkdir(parents=True)
        self.wall = MovedWall(self.folder)
        (self.folder / "password").write_text("sesame\n", encoding="ascii")
        self._file = self.folder / "reveille.toml"
        self.write(0)
        self.daemon = Process(self._file)

    def write(self, edition: int) -> None:
        """The configuration; each edition gives the checks another limit."""
        head = _HEAD.format(
            state=self.state,
            site=SITE.replace("[[people]]", 'policy = "ozonetel"\n[[people]]', 1),
            name=self.name,
            ledger=self.link.port,
            desk=MAIL_DESK.format(port=self._words["mailbox"]),
        )
        checks = "".join(
            _CHECK.format(name=name, component=of, port=self._words["portals"], every=EVERY_SECONDS)
            + f'limit = "{10 + edition % 5}s"\n'
            for name, of in CHECKS.items()
        )
        self._file.write_text(head + checks, encoding="utf-8")

    async def start(self) -> None:
        """Start the daemon, and wait until it is there; one that ends by itself, as systemd would
        see it, is started again.
        """
        with self.wall.for_children():
            await self.daemon.begin()
        await self.there()

    async def there(self) -> None:
        """Wait until the daemon says that it is there."""
        while True:
            with suppress(OSError, ValueError):
                if str(self.daemon.process.pid) in (self.state / "heartbeat.json").read_text():
                    return
            if self.daemon.process.returncode is not None:
                with self.wall.for_children():
                    await self.daemon.begin()
            await asyncio.sleep(0.2)  # asked again until it is

    def send(self, number: int) -> None:
        """Signal it, if it is there."""
        with suppress(ProcessLookupError):
            self.daemon.process.send_signal(number)


class Ledgers:
    """The server in charge, and the standby that follows it."""

    def __init__(self, first: Postgres, life: AsyncExitStack) -> None:
        self.primary, self._life = first, life
        self._standby: Postgres | None = None
        self._made = 0

    def sockets(self) -> Path:
        """Where the server in charge listens."""
        return self.primary.sockets

    def follow(self) -> None:
        """A new standby, without which no commit is answered from now on."""
        self._made += 1
        folder, name = Path(tempfile.gettempdir()), f"standby{self._made}"
        self._standby = self._life.enter_context(standby(self.primary, folder, name))
        until = time.monotonic() + 60
        while not self.primary.run("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"):
            if time.monotonic() > until:
                raise RuntimeError("the standby does not follow")
            time.sleep(0.1)
        self._wait_for("*")

    def restart(self, rough: bool) -> None:
        """Stop the server, and start it again."""
        self.primary.kill() if rough else self.primary.stop()
        self.primary.start()

    def fail_over(self) -> None:
        """The server in charge is gone for good, and its standby takes over."""
        assert self._standby is not None
        self.primary.kill()
        self.primary, self._standby = self._standby, None
        self.primary.run("SELECT pg_promote(true, 60)")
        self._wait_for("")

    def _wait_for(self, names: str) -> None:
        self.primary.run(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.primary.run("SELECT pg_reload_conf()")


@dataclass
class World:
    """All of it."""

    hosts: dict[str, Host]
    ledgers: Ledgers
    portals: Portals
    mailbox: Mailbox
    folder: Path
    draw: random.Random
    edition: int = 0
    outages: list[tuple[str, float, float]] = field(default_factory=list)
    """component, begin and end (seconds since 1970) of what was broken at the portals"""


@asynccontextmanager
async def world(folder: Path, draw: random.Random) -> AsyncIterator[World]:
    """Three hosts at work."""
    async with AsyncExitStack() as life:
        mailbox = Mailbox(folder / "mailbox", Faults())
        await mailbox.open("127.0.0.1")
        life.push_async_callback(mailbox.close)
        server = life.enter_context(postgres({"synchronous_commit": "on"}))
        server.run("CREATE ROLE reveille LOGIN PASSWORD 'sesame'")
        server.run("CREATE SCHEMA AUTHORIZATION reveille")
        ledgers, portals = Ledgers(server, life), Portals()
        port = await life.enter_async_context(listening(portals.talk))
        made = World({}, ledgers, portals, mailbox, folder, draw)
        for name in NAMES:
            link = await life.enter_async_context(Link(ledgers.sockets))
            life.enter_context(small_disk(folder / name))
            made.hosts[name] = Host(folder, name, link, port, mailbox.port)
        try:
            for host in made.hosts.values():
                await host.start()
            yield made
        finally:
            for host in made.hosts.values():
                host.send(signal.SIGKILL)
                await host.daemon.process.wait()


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of its own for a folder, small enough to be filled; where nobody may mount one, that
    fault is left out.
    """
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={STATE_BYTES}", "reveille-bench", str(folder)]
    if os.geteuid():
        yield
        return
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
