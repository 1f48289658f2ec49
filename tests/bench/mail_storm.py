"""2 500 letters through a real Postfix that greylists, puts off, refuses and is restarted, by a
sender that is killed (SIGKILL) again and again.

Greylisted is the first try of each recipient of a ticket; one try in fifty is put off at any time;
one reader in fifty does not exist (550). Nothing may be lost: each letter arrives, but those that
were refused for ever, which fail and say so. What comes twice comes under one Message-ID.

./reveille bench mail-storm [LETTERS] [KILLS] [RESTARTS]
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from monitor.ledger import Ledger
from tests.loopback.postfix_server import postfix, restarted
from tests.loopback.test_outbox_kill import hear, promise, running, say, send_and_kill

NOBODY_EVERY = 50


def recipients(incident: int) -> tuple[str, str]:
    """Who is told of a ticket; one in fifty does not exist."""
    nobody = incident % NOBODY_EVERY == 0
    return f"{'gone' if nobody else 'shift'}-{incident}@example.net", f"desk-{incident}@example.net"


@dataclass
class Moods:
    """What the server says to each recipient."""

    dice: random.Random
    seen: set[str] = field(default_factory=set)
    said: Counter[str] = field(default_factory=Counter)

    def answer(self, recipient: str) -> str | None:
        """Of a recipient, at this try."""
        if recipient.startswith("gone"):
            found = "550 5.1.1 No such user"
        elif recipient not in self.seen:
            self.seen.add(recipient)
            found = "450 4.2.0 Greylisted"
        elif self.dice.random() < 0.02:
            found = "451 4.3.0 Try again later"
        else:
            return None
        self.said[found[:3]] += 1
        return found


async def stormed(ledger: Path, kills: int, restarts: int, dice: random.Random) -> tuple[int, int]:
    """Send all; gives kills and restarts, and the mails that arrived are judged."""
    moods = Moods(dice)
    async with postfix(moods.answer) as server:
        words = (str(ledger), str(server.port), str(server.certificate.certificate))
        with running("-m", "tests.loopback.sender_process", *words) as senders:
            killed = restarted_times = 0
            while killed < kills:
                work = asyncio.to_thread(send_and_kill, senders, dice.uniform(0.2, 3.0))
                sending = asyncio.ensure_future(work)
                if restarted_times < restarts and dice.random() < 2 * restarts / kills:
                    await restarted(server)
                    restarted_times += 1
                if not await sending:
                    break
                killed += 1
            say(senders, "go")
            await asyncio.to_thread(hear, senders)
            assert await asyncio.to_thread(hear, senders) == 0
        with Ledger(ledger) as kept:
            sent = kept.outbox_counts()["sent"]
        await server.delivered(sent, 600)
        judged(ledger, server.messages(), moods)
    return killed, restarted_times


def judged(ledger: Path, mails: list[EmailMessage], moods: Moods) -> None:
    """Nothing lost, repeats under one Message-ID; printed. Raises AssertionError."""
    with Ledger(ledger) as kept:
        letters = kept.outbox()
    states = Counter(one.state for one in letters)
    failed = [one for one in letters if one.state == "failed"]
    assert all(one.recipient.startswith("gone") for one in failed), "only who does not exist"
    assert all("550" in (one.last_error or "") for one in failed)
    assert states["queued"] == 0
    copies = Counter(str(mail["Message-ID"]) for mail in mails)
    events = {(mail["X-Reveille-Incident"], mail["To"], mail["X-Reveille-Event"]) for mail in mails}
    assert len(copies) == len(events) == states["sent"], "each arrived, under one Message-ID"
    repeated = sum(copies.values()) - len(copies)
    print(
        f"{len(letters)} letters: {dict(states)}; the server said {dict(moods.said)};"
        f" {len(mails)} mails, {repeated} of them repeats under their Message-ID"
    )


async def main(letters: int, kills: int, restarts: int) -> int:
    """All of it, and the figures."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reveille-storm-") as folder:
        path = Path(folder) / "ledger.sqlite"
        with Ledger(path) as ledger:
            # Each ticket is opened and closed, and told to two.
            promise(ledger, letters // 4, recipients)
        killed, stopped = await stormed(path, kills, restarts, random.Random(20261130))
    print(
        f"mail-storm: {letters} letters, {killed} kills of the sender, {stopped} restarts of the"
        f" server, 0 lost, {time.monotonic() - began:.0f} s; target {kills} kills, 0 lost"
    )
    return 0 if killed >= kills else 1


if __name__ == "__main__":
    given = [int(written) for written in sys.argv[1:]] + [2500, 40, 5][len(sys.argv) - 1 :]
    sys.exit(asyncio.run(main(*given)))
