"""An hour of a busy site with trouble in it: does the daemon grow, leave descriptors or children
behind, or say anything twice?

920 portals' looks and 80 plugins' a minute, each plugin a child process. One answer in twenty is a
fault (reset, cut short, slow, garbage, 500), and every few minutes one component's portals fail for
good, until a ticket is open and told; the mail server puts off one mail in ten and drops one in
fifty after the dot. Sampled every ten seconds, from the kernel's own books.

./reveille bench soak [MINUTES] [LOOKS_A_MINUTE]

Targets: RSS growth ≤ 5 MB after the warm-up (a sixth of the time, or eleven minutes), no more
descriptors and children than there were, nobody left at the end, the ledger as large as its own
figures foretold half way, one Message-ID a letter.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from monitor.clock import SystemClock
from monitor.ledger import Ledger
from monitor.ledger.encoding import milliseconds
from tests.loopback.mail_server import OK, MailServer, serving
from tests.loopback.serving import listening
from tests.scenes.daemon_process import Process

EVERY_SECONDS, PLUGINS_PERCENT, FAULTS_PERCENT = 15, 8, 5
GROWTH_TARGET_MB, FORETOLD_WITHIN = 5.0, 0.15
WARM_SECONDS = 660.0
SAMPLED_SECONDS, OUTAGE_SECONDS, OUTAGES_APART_SECONDS = 10.0, 150.0, 300.0
COMPONENTS = ("agent-portal", "admin-portal", "dashboard-portal", "report-portal")
_SITE = """
state = "{state}"
[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
policy = "ozonetel"
[[people]]
role = "operators"
mail = "operations@example.net"
[desks.mail]
kind = "mail"
host = "127.0.0.1"
port = {mail}
tls = "none"
sender = "reveille@example.net"
"""
_PORTAL = """
[checks.portal-{number}]
kind = "portal"
component = "{component}"
url = "http://127.0.0.1:{port}/{component}"
must_contain = ["Sign in"]
within = "5s"
every = "{every}s"
confirm_after = "1s"
recheck = "15s"
"""
_PLUGIN = """
[checks.plugin-{number}]
kind = "nagios-plugin"
component = "crm"
every = "{every}s"
command = ["/usr/lib/nagios/plugins/check_tcp", "-H", "127.0.0.1", "-p", "{port}", "-t", "4"]
perfdata = ["time_seconds"]
"""
_PAGE = (
    b"<html><title>Sign in</title><body><form method=post><input name=user>"
    b"<input type=password name=password></form>" + b"<p>welcome</p>" * 150 + b"</body></html>"
)
_HEAD = "HTTP/1.1 {status} Said\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n"


@dataclass
class Portals:
    """The far end: answers, and at times does not."""

    chance: random.Random
    broken: str = ""
    requests: int = 0
    faults: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; a plugin's says nothing."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            self.requests += 1
            component = head.split(b" ")[1].decode().strip("/")
            fault = "500" if component == self.broken else ""
            if self.chance.random() * 100 < FAULTS_PERCENT:
                fault = self.chance.choice(("reset", "cut", "slow", "garbage", "500"))
            self.faults += bool(fault)
            if not await self._answered(writer, fault):
                return

    async def _answered(self, writer: asyncio.StreamWriter, fault: str) -> bool:
        """Whether the connection goes on."""
        status = "500" if fault == "500" else "200"
        whole = _HEAD.format(status=status, length=len(_PAGE)).encode() + _PAGE
        if fault == "reset":
            writer.transport.abort()
            return False
        if fault == "slow":
            await asyncio.sleep(self.chance.uniform(1, 8))  # the fault itself
        if fault == "garbage":
            whole = bytes(self.chance.randrange(256) for _ in range(400)) + b"\r\n\r\n"
        writer.write(whole[: len(whole) // 2] if fault == "cut" else whole)
        await writer.drain()
        return fault not in ("cut", "garbage")


@dataclass
class Samples:
    """What the kernel says of the daemon, over time."""

    process: psutil.Process
    at: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    children: list[int] = field(default_factory=list)

    def take(self, at: float) -> None:
        """One more."""
        self.at.append(at)
        self.megabytes.append(self.process.memory_info().rss / 1e6)
        self.descriptors.append(self.process.num_fds())
        self.children.append(len(self.process.children(recursive=True)))

    def of(self, name: str, begin: float, end: float) -> list[float]:
        """One row of figures, between two moments."""
        found: list[float] = getattr(self, name)
        return [value for at, value in zip(self.at, found, strict=True) if begin <= at <= end]


def configured(folder: Path, port: int, mail: int, looks_a_minute: int) -> Path:
    """The configuration, of so many looks a minute."""
    checks = looks_a_minute * EVERY_SECONDS // 60
    plugins = checks * PLUGINS_PERCENT // 100
    text = _SITE.format(state=folder / "state", mail=mail)
    for number in range(checks):
        words = {"number": number, "port": port, "every": EVERY_SECONDS}
        form = _PLUGIN if number < plugins else _PORTAL
        text += form.format(component=COMPONENTS[number % len(COMPONENTS)], **words)
    file = folder / "reveille.toml"
    file.write_text(text, encoding="utf-8")
    return file


async def sampled(daemon: Process, portals: Portals, seconds: float) -> tuple[Samples, float]:
    """Watch it for so long; what was seen, and how many bytes a look took half way."""
    samples, began = Samples(psutil.Process(daemon.process.pid)), time.monotonic()
    foretold, said = 0.0, 0.0
    while (at := time.monotonic() - began) < seconds:
        samples.take(at)
        outage, since = divmod(at, OUTAGES_APART_SECONDS)
        down = OUTAGES_APART_SECONDS - since < OUTAGE_SECONDS
        portals.broken = COMPONENTS[int(outage) % len(COMPONENTS)] if down else ""
        if not foretold and at > seconds / 2:
            foretold = await asyncio.to_thread(bytes_a_look, daemon)
        if at >= said:
            said += 60
            print(_line(samples, portals), flush=True)
        await asyncio.sleep(SAMPLED_SECONDS)  # it is a length of time that is measured
    portals.broken = ""
    return samples, foretold


def _line(samples: Samples, portals: Portals) -> str:
    return (
        f"{samples.at[-1] / 60:5.1f} min  {samples.megabytes[-1]:6.1f} MB "
        f" {samples.descriptors[-1]:3} descriptors  {samples.children[-1]:3} children "
        f" {portals.requests} requests, {portals.faults} of them faults"
    )


def bytes_a_look(daemon: Process) -> float:
    """By the ledger's own figures (`reveille ledger size`)."""
    now = milliseconds(SystemClock().now())
    (looks,) = [one for one in daemon.read(lambda ledger: ledger.grown(now)) if one.name == "looks"]
    return float(looks.bytes / looks.rows)


@dataclass(frozen=True)
class Told:
    """What the ledger has at the end."""

    looks: int
    good: int
    bytes: int
    tickets: int
    letters: int
    unsent: int


def told(file: Path) -> Told:
    """Looks, tickets and letters; whole, or an AssertionError."""
    with closing(sqlite3.connect(file)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        states = dict(plain.execute("SELECT state, count(*) FROM attempts GROUP BY state"))
    with Ledger(file, read_only=True) as ledger:
        now = milliseconds(SystemClock().now())
        grown = {one.name: one.bytes for one in ledger.grown(now)}
        letters = ledger.outbox()
        unsent = sum(row.state != "sent" for row in letters)
        tickets = len(ledger.incidents(100_000))
        looks, good = sum(states.values()), states.get("OK", 0)
        return Told(looks, good, grown["looks"], tickets, len(letters), unsent)


async def main(minutes: float, looks_a_minute: int) -> int:
    """Run it, and say what came of it."""
    chance, seconds = random.Random(20261130), minutes * 60
    portals = Portals(chance)
    mail = MailServer(
        recipient=lambda _: "451 4.7.1 later" if chance.random() < 0.1 else "250 Ok",
        data=lambda: "drop" if chance.random() < 0.02 else OK,
    )
    with tempfile.TemporaryDirectory(prefix="reveille-soak-") as scratch:
        async with listening(portals.talk) as port, serving(mail):
            file = configured(Path(scratch), port, mail.port, looks_a_minute)
            daemon = Process(file)
            await daemon.start()
            family = psutil.Process(daemon.process.pid)
            try:
                samples, foretold = await sampled(daemon, portals, seconds)
                young = family.children(recursive=True)
            finally:
                stopped = await daemon.stop()
        _, left = psutil.wait_procs(young, timeout=5)
        found = told(daemon.state / "ledger.sqlite")
        identities = [str(one["Message-ID"]) for one in mail.messages]
        log = daemon.log.read_text(encoding="utf-8", errors="replace")
    return judged(samples, foretold, found, identities, left, log, (seconds, stopped))


def judged(
    samples: Samples,
    foretold: float,
    found: Told,
    identities: list[str],
    left: list[psutil.Process],
    log: str,
    took: tuple[float, float],
) -> int:
    """Print the figures; 0 where every target is met."""
    seconds, stopped = took
    # The first sweep of evidence, after ten minutes, opens the connection that long questions have.
    warm = min(max(seconds / 6, WARM_SECONDS), seconds / 2)
    part = max(seconds / 12, 3 * SAMPLED_SECONDS)
    early, late = (warm, warm + part), (seconds - part, seconds)

    def grown(name: str, figure: Callable[[list[float]], float]) -> float:
        return figure(samples.of(name, *late)) - figure(samples.of(name, *early))

    growth = grown("megabytes", statistics.median)
    # Looks come and go: what is never given back lifts the least of a while.
    descriptors, children = grown("descriptors", min), grown("children", min)
    real = found.bytes / found.looks
    wrong = {
        f"grew by {growth:.1f} MB": growth > GROWTH_TARGET_MB,
        f"{descriptors:g} descriptors more": descriptors > 0,
        f"{children:g} children more": children > 0,
        f"{len(left)} processes left": bool(left),
        f"ledger: {foretold:.0f} B a look foretold, {real:.0f} seen": (
            abs(real - foretold) > FORETOLD_WITHIN * real
        ),
        f"{found.good} of {found.looks} looks good": not 0.5 < found.good / found.looks < 0.99,
        "a letter went out under two Message-IDs": len(set(identities)) > found.letters,
        "tracebacks in the log": "Traceback" in log,
    }
    for name, is_wrong in wrong.items():
        print(f"{'MISSED' if is_wrong else 'held':7} {name}")
    print(
        f"soak: {seconds / 60:g} min, {found.looks} looks ({found.looks / seconds * 60:.0f} a"
        f" minute), RSS {growth:+.1f} MB after the warm-up (target {GROWTH_TARGET_MB:g}), at most"
        f" {max(samples.megabytes):.1f} MB, descriptors {descriptors:+g}, children {children:+g},"
        f" ledger {real:.0f} B a look, {found.tickets} tickets, {found.letters} letters,"
        f" {found.unsent} not sent yet, {len(identities)} mails under {len(set(identities))}"
        f" Message-IDs, stopped in {stopped:.1f} s"
    )
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    given = [float(written) for written in sys.argv[1:]] + [60.0, 1000.0][len(sys.argv) - 1 :]
    sys.exit(asyncio.run(main(given[0], int(given[1]))))
