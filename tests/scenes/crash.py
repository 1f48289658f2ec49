"""Lives of an incident under a daemon that is killed (SIGKILL) again and again, at steps drawn by
lot.

A life: a portal breaks, is looked at, confirmed, ticketed and told; it is mended, recovers, is
closed and told. After each kill the daemon is started again. At the end nothing may be lost: one
ticket, opened and closed once, each of its mails delivered; a mail may come twice only with the
same Message-ID.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab import Lab
from monitor.ledger import Ledger, LedgerFault
from tests.scenes.daemon_process import Process

PORTAL = "agent-portal"
RECIPIENTS = 2
STEPS: dict[str, Callable[[Ledger], bool]] = {
    "started": lambda ledger: bool(ledger.history(None)),
    "looked at": lambda ledger: len(ledger.attempts(PORTAL)) >= 1,
    "confirmed": lambda ledger: len(ledger.attempts(PORTAL)) >= 2,
    "ticketed": lambda ledger: bool(ledger.incidents()),
    "being told": lambda ledger: any(row.attempts for row in ledger.outbox()),
    "told": lambda ledger: ledger.outbox_counts()["sent"] >= 1,
}
ENDING: dict[str, Callable[[Ledger], bool]] = {
    "recovering": lambda ledger: ledger.attempts(PORTAL)[0].verdict.state == "OK",
    "closed": lambda ledger: not ledger.open_incidents(),
    "being told of it": lambda ledger: any(
        row.attempts for row in ledger.outbox() if row.kind == "closed"
    ),
}


@dataclass(frozen=True)
class Life:
    """What became of one incident. `faults` is empty when nothing was lost or doubled."""

    kills: tuple[str, ...]
    mails: int
    repeated: int
    faults: tuple[str, ...]


def configuration(lab: Lab, state: Path) -> str:
    """One portal, looked at often, and the mail desk."""
    written = lab.configuration(state)
    head, _, rest = written.partition("[lines.trunk-a]")
    desk = "[desks.mail]" + rest.partition("[desks.mail]")[2]
    check = f"""
[checks.{PORTAL}]
kind = "portal"
component = "{PORTAL}"
url = "{lab.portals[PORTAL].url}"
every = "10s"
confirm_after = "50ms"
recheck = "1s"
"""
    return head + check + desk


async def live(folder: Path, draw: random.Random, kills: int) -> Life:
    """One life with so many kills."""
    async with Lab(folder / "lab") as lab:
        file = folder / "reveille.toml"
        file.write_text(configuration(lab, folder / "state"), encoding="utf-8")
        lab.break_(f"{PORTAL}-down")
        killed = [await _killed(file, draw, STEPS) for _ in range((kills + 1) // 2)]
        await _undisturbed(file, lambda ledger: ledger.outbox_counts()["sent"] >= RECIPIENTS)
        lab.mend()
        killed += [await _killed(file, draw, ENDING) for _ in range(kills // 2)]
        await _undisturbed(file, lambda ledger: ledger.outbox_counts()["sent"] >= 2 * RECIPIENTS)
        return _judged(file, lab, tuple(killed))


async def _killed(
    file: Path, draw: random.Random, steps: dict[str, Callable[[Ledger], bool]]
) -> str:
    """Start, wait for a step drawn by lot and a moment more, kill."""
    name = draw.choice(list(steps))
    daemon = Process(file)
    await daemon.begin()
    try:
        seen = await _reached(daemon, steps[name], 4.0)
        await asyncio.sleep(draw.random() * 0.3)  # no event to wait for: any moment will do
    finally:
        await daemon.stop(signal.SIGKILL)
    return name if seen else f"before {name}"


async def _reached(daemon: Process, step: Callable[[Ledger], bool], within: float) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        with suppress(LedgerFault, IndexError):  # it has not got that far
            if daemon.read(step):
                return True
        await asyncio.sleep(0.005)
    return False


async def _undisturbed(file: Path, step: Callable[[Ledger], bool]) -> None:
    daemon = Process(file)
    try:
        await daemon.start()
        await daemon.until(lambda: daemon.read(step), 40)
    finally:
        await daemon.stop()


def _judged(file: Path, lab: Lab, killed: tuple[str, ...]) -> Life:
    daemon = Process(file)
    with daemon.ledger() as ledger:
        incidents, kinds = ledger.incidents(), Counter(row.kind for row in ledger.history(1))
        rows = ledger.outbox()
    mails = lab.mailbox.messages()
    identities = Counter(mail["Message-ID"] for mail in mails)
    told = Counter(
        (mail["X-Reveille-Event"], str(mail["To"]))
        for mail in {m["Message-ID"]: m for m in mails}.values()
    )
    faults = []
    if len(incidents) != 1:
        faults.append(f"{len(incidents)} tickets")
    if (kinds["opened"], kinds["closed"], kinds["reopened"]) != (1, 1, 0):
        faults.append(
            f"opened {kinds['opened']}, closed {kinds['closed']}, reopened {kinds['reopened']}"
            " times"
        )
    if len(identities) != len(rows) or any(row.state != "sent" for row in rows):
        faults.append(f"{len(rows)} letters, {len(identities)} of them delivered")
    if any(count > 1 for count in told.values()):
        faults.append("one event told twice under different Message-IDs")
    return Life(killed, len(mails), len(mails) - len(identities), tuple(faults))
