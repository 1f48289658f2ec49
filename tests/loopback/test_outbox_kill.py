"""The sender is killed (-9) again and again, wherever it happens to be: nothing is lost, and what
comes twice comes with the same Message-ID.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from monitor.desks.desk import letter_body
from monitor.ledger import IncidentRow, Ledger, OutboxMessage
from monitor.ledger.bodies import ticket_body
from tests.loopback.sender_process import NOW
from tests.unit.sample_ticket import ticket

ROOT = Path(__file__).parents[2]
KILLS = 25
INCIDENTS = 40
RECIPIENTS = ("shift@example.net", "director@example.net")
SECONDS_TO_LIVE = (0.0, 0.12)


def promise(
    ledger: Ledger, count: int, told: Callable[[int], Iterable[str]] = lambda _: RECIPIENTS
) -> None:
    """So many incidents, each opened and closed, told to those of its number."""
    for _ in range(count):
        with ledger.transaction() as t:
            number = t.open_incident(
                IncidentRow(None, os.urandom(8).hex(), "Pune", "ivr", "P0", "vendor", NOW)
            )
            body = letter_body(ticket_body(ticket(number=f"RV-{number}")))
            for kind in ("opened", "closed"):
                for recipient in told(number):
                    t.enqueue(OutboxMessage(number, kind, 1, "mail", recipient, body, NOW))


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A process of ours, gone when the block ends."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    try:
        yield process
    finally:
        process.communicate(timeout=30)


def say(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def send_and_kill(senders: subprocess.Popen[str], seconds: float) -> bool:
    """Start a sender and kill it after so long; False when it was done before."""
    say(senders, "go")
    sender = hear(senders)
    assert senders.stdout is not None
    done, _, _ = select.select([senders.stdout], [], [], seconds)
    if not done:
        os.kill(sender, signal.SIGKILL)
    return hear(senders) == -signal.SIGKILL


def mails(folder: Path) -> list[EmailMessage]:
    """What the server has filed, in its order."""
    read = [
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in sorted(folder.glob("*.eml"))
    ]
    return [mail for mail in read if isinstance(mail, EmailMessage)]


def test_a_sender_that_is_killed_anywhere_loses_nothing(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    box, path = tmp_path / "box", tmp_path / "ledger.db"
    box.mkdir()
    with Ledger(path) as ledger:
        promise(ledger, INCIDENTS)
    with running("-m", "tests.loopback.mail_server", str(box)) as server:
        port = hear(server)
        with running("-m", "tests.loopback.sender_process", str(path), str(port)) as senders:
            kills = 0
            while kills < KILLS:
                killed = send_and_kill(senders, chance.uniform(*SECONDS_TO_LIVE))
                kills += killed
                if not killed:
                    with Ledger(path) as ledger:
                        promise(ledger, INCIDENTS)
            say(senders, "go")
            hear(senders)
            assert hear(senders) == 0

    with Ledger(path) as ledger:
        letters = ledger.outbox()
        assert {letter.state for letter in letters} == {"sent"}
        trail = [[receipt.kind for receipt in ledger.receipts(letter.id)] for letter in letters]
    assert all(kinds.count("sent") == 1 and kinds[-1] == "sent" for kinds in trail)
    assert any("interrupted" in kinds for kinds in trail), (
        "some were killed in the middle of a send"
    )

    arrived = mails(box)
    copies = Counter(str(mail["Message-ID"]) for mail in arrived)
    assert len(copies) == len(letters), "each letter arrived, each with a Message-ID of its own"
    assert sum(copies.values()) - len(copies) <= 2 * kills, (
        "at most the two under way at each kill came twice"
    )

    order: dict[tuple[str, str], list[str]] = defaultdict(list)
    for mail in arrived:
        order[mail["X-Reveille-Incident"], mail["Delivered-To"]].append(mail["X-Reveille-Event"])
    assert len(order) == len(letters) / 2
    assert all(events == sorted(events, reverse=True) for events in order.values()), (
        "closed never before opened"
    )
