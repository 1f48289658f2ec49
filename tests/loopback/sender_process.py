"""A process that sends what a ledger has promised, and may be killed at any point.

`python -m tests.loopback.sender_process LEDGER PORT [CERTIFICATE]`: for each line on stdin it forks
a sender (so that none pays for the imports), prints its pid, waits for its end and prints its exit
status; -9 is a kill.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime

from monitor.delivery.outbox import Outbox
from monitor.desks.list import build
from monitor.desks.mail import MailSettings
from monitor.ledger import Ledger

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def send_all(ledger_path: str, port: int, certificate: str) -> None:
    """What the daemon does after a start: take over, then deliver; over TLS with a certificate."""
    tls = {"tls": "starttls", "trusted_certificates": certificate} if certificate else {}
    given = {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "r@pune.example.net"}
    desk = build("mail", MailSettings.model_validate({**given, **tls}))
    with Ledger(ledger_path) as ledger:
        outbox = Outbox(ledger, {"mail": desk}, "host")
        outbox.take_over(NOW)
        asyncio.run(_deliver(outbox))


async def _deliver(outbox: Outbox) -> None:
    while (due := await outbox.next_due()) is not None:
        await outbox.deliver_due(max(due, NOW))
        # The letters' time goes by in leaps of a minute, a restarting server's does not.
        await asyncio.sleep(0.02)


def main(ledger_path: str, port: int, certificate: str = "") -> None:
    for _ in sys.stdin:
        sender = os.fork()
        if not sender:
            send_all(ledger_path, port, certificate)
            os._exit(0)
        print(sender, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(sender, 0)[1]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
