"""What lies between us and Request Tracker's mail gateway, and does its worst: an SMTP server that
files our own copies, and hands the others to a gateway.

pass    as it came
down    the server takes nothing now
refuse  451 after the final dot
drop    the connection breaks before it is taken
lose    it is taken, and the connection breaks
twice   a relay hands it over twice
late    a relay keeps it for a while
gone    it is taken, and a relay loses it: only what opens a ticket, since of that alone one hears
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import Envelope, Session

from tests.loopback.mail_server import OK, MailServer

SENDER = "reveille@example.net"
RTNAME = "noc.example.net"
ACTIONS: Mapping[str, str] = {
    "noc@rt.example.net": "correspond",
    "noc-comment@rt.example.net": "comment",
    "noc-resolve@rt.example.net": "comment-resolve",
}
FAULTS = ("down", "refuse", "drop", "lose", "twice", "late", "gone")
Gateway = Callable[[bytes, str], Awaitable[None]]
_NUMBERS = count()


def filed(boxes: Path, mail: bytes) -> None:
    """A mail arrives in our mailbox."""
    file = boxes / "tmp" / f"{next(_NUMBERS)}.test"
    file.write_bytes(mail)
    file.chmod(0o666)
    file.rename(boxes / "new" / file.name)


def mailbox(folder: Path) -> Path:
    """An empty one, into which everybody may put mails."""
    for name in ("new", "cur", "tmp"):
        (folder / "boxes" / name).mkdir(parents=True)
    for one in (folder / "boxes", *(folder / "boxes").iterdir()):
        shutil.chown(one, 65534, 65534)
        one.chmod(0o777)
    return folder / "boxes"


class MailWay(MailServer):
    """Does to each mail what `plan` says of its number."""

    def __init__(self, boxes: Path, gateway: Gateway) -> None:
        super().__init__()
        self.plan: Callable[[int], str] = lambda _: "pass"
        self.mails, self.dice = 0, random.Random(15)
        self._boxes, self._gateway, self._what = boxes, gateway, "pass"
        self._late: list[tuple[float, bytes, str]] = []

    async def handle_MAIL(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._what = self.plan(self.mails)
        self.mails += 1
        if self._what == "down":
            return "421 4.3.2 not now"
        return await super().handle_MAIL(server, session, envelope, address, options)

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        what, mail = self._what, envelope.original_content or b""
        (to,) = set(envelope.rcpt_tos) - {SENDER}
        if what in ("drop", "refuse"):
            if what == "drop":
                server.transport.abort()
            return "451 4.3.0 later"
        filed(self._boxes, mail)
        opens = to == "noc@rt.example.net" and RTNAME.encode() not in mail.partition(b"\r\n\r\n")[0]
        if what == "late":
            self._late.append((self.dice.choice((20.0, 300.0, 2000.0)), mail, ACTIONS[to]))
        elif what != "gone" or not opens:
            for _ in range(2 if what == "twice" else 1):
                await self._gateway(mail, ACTIONS[to])
        if what == "lose":
            server.transport.abort()
        return OK

    async def passed(self, seconds: float) -> None:
        """Time goes by."""
        kept = [(left - seconds, mail, action) for left, mail, action in self._late]
        self._late = [one for one in kept if one[0] > 0.0]
        for left, mail, action in kept:
            if left <= 0.0:
                await self._gateway(mail, action)
