"""What Request Tracker answers when a mail has made a ticket ("On Create Autoreply To Requestors"),
and what our own mail server has taken from us: both lie in one mailbox, and are found by a header.

    From: "NOC via RT" <noc@rt.example.net>
    In-Reply-To: <rv-12.cafe0001.open@example.net>          our letter, whichever copy of it
    Auto-Submitted: auto-replied
    X-RT-Loop-Prevention: noc.example.net                   its rtname
    X-RT-Ticket: noc.example.net #4711
    Subject: [noc.example.net #4711] AutoReply: ...         or with the queue's own tag

Rules: nothing is taken from such an answer but the ticket's number; it counts where sender, name,
number and the letter that it answers agree. The mailbox is only read.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.errors import MessageError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser

from checks.contract import CannotTell, Failed
from checks.network.imap import Imap
from monitor.desks.desk import TryLater
from monitor.desks.received_mail import read_mail
from monitor.desks.replies import OwnMailbox

# Its headers, and no more of a ticket's text than that takes.
_HEAD_BYTES = 16_384
# One lost answer makes one copy; more than a few are no work of ours.
_MOST_ANSWERS = 8
_POLL_SECONDS = 1.0
_TICKET = re.compile(r"(.{1,100}) #([0-9]{1,12})")


def ticket_number(raw: bytes, box: OwnMailbox, sender: str, rtname: str, letter: str) -> int | None:
    """The ticket that an answer to our letter says it has made; None where it is no such answer."""
    try:
        read = read_mail(raw, box.authserv_id, box.own_received)
        head = BytesHeaderParser().parsebytes(raw)
        subject = str(make_header(decode_header(_one_line(head["Subject"]))))
    except (ValueError, LookupError, MessageError):
        return None
    if read.sender != sender.lower() or (box.authserv_id and not read.vouched):
        return None
    # What RT tells a requestor later names the ticket too; it may have been merged by then.
    made = _one_line(head["Auto-Submitted"]) == "auto-replied"
    if not made or letter not in _one_line(head["In-Reply-To"]).split():
        return None
    named = _TICKET.fullmatch(_one_line(head["X-RT-Ticket"]))
    loop = _one_line(head["X-RT-Loop-Prevention"])
    if not named or (named[1], loop) != (rtname, rtname) or f" #{named[2]}]" not in subject:
        return None
    return int(named[2])


def _one_line(header: object) -> str:
    return " ".join(str(header or "").split())


class Answers:
    """The mailbox, open."""

    def __init__(self, imap: Imap, box: OwnMailbox, sender: str, rtname: str) -> None:
        self._imap, self._box, self._sender, self._rtname = imap, box, sender, rtname

    async def numbers(self, letter: str) -> list[int]:
        """The tickets that a letter has made, by its Message-ID; the oldest first."""
        found = set[int]()
        for uid in (await self._imap.having("In-Reply-To", letter))[:_MOST_ANSWERS]:
            raw = await self._imap.fetch(uid, _HEAD_BYTES)
            number = ticket_number(raw, self._box, self._sender, self._rtname, letter)
            found |= {number} if number is not None else set()
        return sorted(found)

    async def awaited(self, letter: str, seconds: float) -> list[int]:
        """The same, as soon as there is one; [] where none comes in so many seconds. After that
        this session is at its end.
        """
        if found := await self._newest(letter):
            return found
        try:
            async with asyncio.timeout(seconds):
                while not found:
                    await asyncio.sleep(_POLL_SECONDS)
                    found = await self._newest(letter)
                return found
        except TimeoutError:
            return []

    async def _newest(self, letter: str) -> list[int]:
        await self._imap.renew()
        return await self.numbers(letter)

    async def taken(self, message_id: str) -> int:
        """How many copies of a mail of ours our mail server has taken."""
        return len(await self._imap.having("Message-ID", message_id))


@asynccontextmanager
async def opened(
    box: OwnMailbox, sender: str, rtname: str, seconds: float
) -> AsyncIterator[Answers]:
    """The mailbox, while the block runs. Raises TryLater: what cannot be read says nothing."""
    try:
        async with asyncio.timeout(seconds):
            imap = await Imap.open(box)
        try:
            yield Answers(imap, box, sender, rtname)
        finally:
            await imap.close()
    except (Failed, CannotTell, OSError, TimeoutError) as away:
        said = str(away) or "no answer in time"
        raise TryLater(f"{box.host}:{box.port}: {said}", whole_desk=True) from None
