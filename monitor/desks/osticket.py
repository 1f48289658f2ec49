"""osTicket: tickets by its API, in the form in which it also takes what comes after: mail (docs,
"Email Piping > Remote piping"; "API > Tickets").

    POST {url}/api/tickets.email      X-API-Key: ...      an RFC 5322 message as the body
    <- 201, the ticket's number

Why not api/tickets.json: it makes one more ticket each time it is asked, finds none, and takes
nothing after the first text. A mail has a Message-ID: osTicket takes each once, and finds the
ticket of a later one by its References. So a repetition after a lost answer is harmless. Evidence
is attached to it; where osTicket takes no files by mail, it drops them and takes the words.

Rules: it can be told nothing but words: no severity, no status; queue and priority come of the
address (`to`) and of its own filters. A mail under a ticket that is closed reopens it, so nothing
is said between an end and a new beginning.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import Field, field_validator

from checks.settings import Duration, ReadableFile, Secret
from checks.transport.clear_text import MEANT, ClearText, is_open
from monitor.desks.desk import Desk, DeskSettings, Letter, Never, Takes, TryLater
from monitor.desks.evidence_files import letter_evidence
from monitor.desks.helpdesk import Url
from monitor.desks.internet_message import Enclosures, compose, is_address
from monitor.desks.rest import Rest
from monitor.desks.rest_helpdesk import revealed

_BEGINS = frozenset({"opened", "blind", "reopened"})


class OsticketSettings(ClearText, DeskSettings):
    """Tickets at osTicket, by its API for mails. A mail sets no owner: who takes a ticket here is
    named in words there."""

    KIND: ClassVar[str] = "osticket"
    TAKES: ClassVar[frozenset[Takes]] = frozenset({"tickets"})
    SAMPLE: ClassVar[str] = """
[desks.osticket]
kind = "osticket"
url = "https://support.example.net"
api_key = { credential = "osticket" }
to = "noc@support.example.net"
sender = "reveille@example.net"
"""

    url: Url
    """where osTicket is, without api/"""
    api_key: Secret
    """an API key for this host's address with "Can Create Tickets", by reference"""
    to: str
    """an address of osTicket's own: its department gets the tickets"""
    sender: str
    """whose tickets they are; its domain stands in every Message-ID"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust; without it the system's"""
    timeout: Duration = 30.0
    """how long to wait for the answer"""
    evidence_megabytes: float = Field(default=5.0, ge=0.0, le=25.0)
    """how much of a ticket's evidence goes there (the call's page, recordings, screenshots), where
    it is told for the first time; 0 for none"""

    @field_validator("to", "sender")
    @classmethod
    def _one_address(cls, written: str) -> str:
        if not is_address(written):
            raise ValueError(
                f"{written!r} is not a mail address; write it plainly, as in 'noc@example.net'"
            )
        return written

    def desk(self, name: str) -> Desk:
        """The desk that sends there."""
        return Osticket(name, self)

    def clear_text(self) -> str | None:
        """Whoever reads the key can make tickets."""
        if is_open(self.url):
            return f"the API key goes out in the clear; write https, {MEANT}"
        return None

    async def try_out(self) -> str:
        """A mail without a sender: with a good key it is refused for that, and leaves nothing."""
        desk = Osticket("try", self)
        status = await desk.posted(b"Subject: a try\r\n\r\n", taken=(400, 404, 415))
        if status == 404:
            raise TryLater(f"there is no osTicket at {self.url}", whole_desk=True)
        return f"{self.url} takes the key; what it does with a mail shows with the first"


class Osticket:
    """Sends each letter once a try, under one Message-ID."""

    concurrency = 1

    def __init__(self, name: str, settings: OsticketSettings) -> None:
        self.name = name
        self.timeout_seconds = settings.timeout + 5.0
        self._settings = settings
        self._rest = Rest(
            settings.url, trusted=settings.trusted_certificates, timeout_seconds=settings.timeout
        )
        self._said = ""

    async def deliver(self, letter: Letter) -> str:
        """Send it; returns the ticket's number. Raises TryLater, Never."""
        if "ticket" not in letter.body:
            raise Never("a report is for people; a helpdesk takes none")
        over = (letter.before or {}).get("state") == "closed"
        if over and letter.kind not in _BEGINS:
            return f"{letter.reference}: over; a mail would reopen it"
        evidence = await letter_evidence(letter, self._settings.evidence_megabytes)
        message = compose(
            replace(letter, recipient=self._settings.to),
            self._settings.sender,
            "Reveille",
            Enclosures(evidence=evidence),
        )
        await self.posted(message.as_bytes())
        return self._said or str(message["Message-ID"])

    async def posted(self, mail: bytes, taken: tuple[int, ...] = ()) -> int:
        """Send a mail; the status of the answer. Raises TryLater, Never."""
        key = (("X-API-Key", revealed(self._settings.api_key)),)
        reply = await self._rest(
            "POST", "/api/tickets.email", mail, private=key, taken=taken, kind="message/rfc822"
        )
        self._said = reply.text.strip()[:40]
        return reply.status
