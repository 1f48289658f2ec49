"""The mail desk: one letter, one recipient, one SMTP transaction (monitor/desks/smtp.py). One that
may have been taken is sent again, with the same Message-ID.

One recipient to a transaction, because a server that refuses some of several says so in no
exception.
"""

from __future__ import annotations

import logging
from typing import ClassVar

from pydantic import Field, field_validator

from checks.contract import CannotTell, Failed
from checks.network.imap import Imap
from monitor.desks.desk import Desk, Letter, Takes, TryLater
from monitor.desks.evidence_files import letter_evidence
from monitor.desks.internet_message import (
    Answered,
    Enclosures,
    compose,
    is_acknowledgement,
    report_of,
)
from monitor.desks.replies import Replies
from monitor.desks.smtp import Submission, SubmissionSettings, one_address
from monitor.report_printing import NotPrinted, pictures_of, printed

log = logging.getLogger(__name__)


class MailSettings(SubmissionSettings):
    """Tickets as mails; a mail has no owner, and says in words who has taken a ticket."""

    KIND: ClassVar[str] = "mail"
    TAKES: ClassVar[frozenset[Takes]] = frozenset({"people"})
    SAMPLE: ClassVar[str] = """
# As it stands, through the mail server of this host. Another one is named, and mostly wants
# tls = "starttls" and an account: user = "reveille", password = { credential = "mail" }
[desks.mail]
kind = "mail"
host = "127.0.0.1"
tls = "none"
sender = "reveille@example.net"
"""

    sender_name: str = ""
    """the name shown beside it; by default "Reveille" and the site's name"""
    to: tuple[str, ...] = ()
    """who gets an acknowledgement of every step, beside the people of the ladder"""
    connections: int = Field(default=2, ge=1, le=20)
    """how many mails go out at once"""
    evidence_megabytes: float = Field(default=5.0, ge=0.0, le=25.0)
    """how much of a ticket's evidence goes with a mail (the call's page, recordings, screenshots);
    0 for none
    """
    replies: Replies | None = None
    """the mailbox in which people's answers arrive; without it nobody reads them"""

    @field_validator("replies")
    @classmethod
    def _answered(cls, written: Replies | None) -> Replies | None:
        if written is not None and written.address is not None:
            one_address(written.address)
        return written

    @field_validator("to")
    @classmethod
    def _addresses(cls, written: tuple[str, ...]) -> tuple[str, ...]:
        for address in written:
            one_address(address)
        return written

    async def try_out(self) -> str:
        """Connect, encrypt and log in, to the mailbox of the answers too; no mail is sent."""
        opened = await Submission("mail", self).opened()
        if self.replies is None:
            return opened
        try:
            await (await Imap.open(self.replies)).close()
        except (Failed, CannotTell, OSError) as barred:
            raise TryLater(f"{self.replies.host}:{self.replies.port}: {barred}") from None
        return f"{opened} and {self.replies.host}:{self.replies.port}"

    def desk(self, name: str) -> Desk:
        """The desk that sends through this server."""
        return MailDesk(name, self)

    def mailbox(self) -> Replies | None:
        """Where the answers arrive."""
        return self.replies

    def copies(self) -> tuple[str, ...]:
        """The addresses in `to`."""
        return self.to


class MailDesk:
    """Sends each letter as one mail."""

    def __init__(self, name: str, settings: MailSettings) -> None:
        self.name = name
        self.concurrency = settings.connections
        self._server, self._settings = Submission(name, settings), settings
        self.timeout_seconds = self._server.longest_seconds

    async def deliver(self, letter: Letter) -> str:
        """Send it; returns the Message-ID and the server's last words. Raises TryLater or Never."""
        enclosures = await _enclosures(letter, self._settings.evidence_megabytes)
        settings, replies = self._settings, self._settings.replies
        answered = Answered((replies.address or settings.sender) if replies else "")
        message = compose(letter, settings.sender, settings.sender_name, enclosures, answered)
        # A null return path (RFC 5321 section 4.5.5) makes no bounce: nobody waits for the answer
        # to an acknowledgement.
        envelope_sender = "" if is_acknowledgement(letter) else settings.sender
        words = await self._server.hand_over(message, letter.recipient, envelope_sender)
        return f"{message['Message-ID']} {words}"


async def _enclosures(letter: Letter, megabytes: float) -> Enclosures:
    """A ticket's evidence, where it is told for the first time; a report's pictures, and its PDF
    where it was asked for: one that cannot be printed goes without.
    """
    if (audit := report_of(letter)) is None:
        return Enclosures(evidence=await letter_evidence(letter, megabytes))
    pdf = b""
    if letter.body.get("pdf"):
        # A report without its PDF is worth more than no report at four in the morning.
        try:
            pdf = await printed(audit)
        except NotPrinted as problem:
            log.warning("action=not_printed report=%d %s", audit.number, problem)
    return Enclosures(await pictures_of(audit), pdf)
