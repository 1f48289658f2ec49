"""The mail desk: one letter, one recipient, one SMTP transaction (RFC 5321) on a connection of its
own.

    C: EHLO, STARTTLS, AUTH      whatever goes wrong here is the server's or the settings' fault:
    later, for all letters
    C: MAIL FROM  <- 4xx later, 5xx never
    C: RCPT TO    <- 450 greylisted: later; 550 no such user: never
    C: DATA .     <- 4xx later, 5xx never; a connection that breaks here is ambiguous: later, with
                  the same Message-ID

One recipient to a transaction, because a server that refuses some of several says so in no
exception.
"""

from __future__ import annotations

import logging
from email.message import EmailMessage
from ipaddress import ip_address
from typing import ClassVar, Literal

import aiosmtplib
from pydantic import Field, field_validator, model_validator

from checks.contract import CannotTell, Failed
from checks.network.imap import Imap
from checks.settings import Duration, ReadableFile, Secret
from checks.transport.host_port import Host
from checks.transport.tls import trusting
from monitor.desks.desk import Desk, DeskSettings, Letter, Never, Takes, TryLater
from monitor.desks.evidence_files import letter_evidence
from monitor.desks.internet_message import (
    Answered,
    Enclosures,
    compose,
    domain_of,
    envelope_address,
    is_acknowledgement,
    is_address,
    report_of,
)
from monitor.desks.replies import Replies
from monitor.report_printing import NotPrinted, pictures_of, printed

log = logging.getLogger(__name__)

# Submission (RFC 6409), submission over TLS from the first byte (RFC 8314), and plain relay (RFC
# 5321).
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_SERVICE_NOT_AVAILABLE = 421


class MailSettings(DeskSettings):
    """Tickets as mails."""

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

    host: Host = Field(min_length=1)
    """the mail server that takes the mails (a submission server or a relay)"""
    port: int | None = Field(default=None, ge=1, le=65535)
    """its port; by default 587 for starttls, 465 for tls, 25 for none"""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    """starttls (RFC 3207, refused if the server does not offer it), tls from the first byte (RFC
    8314), or none
    """
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust; without it the system's"""
    user: str | None = None
    """the account to log in with, where the server asks for one"""
    password: Secret | None = None
    """the account's password, by reference"""
    sender: str
    """the address that mails come from; its domain stands in every Message-ID"""
    sender_name: str = ""
    """the name shown beside it; by default "Reveille" and the site's name"""
    to: tuple[str, ...] = ()
    """who gets an acknowledgement of every step, beside the people of the ladder"""
    timeout: Duration = 30.0
    """how long to wait for the server at each step"""
    connections: int = Field(default=2, ge=1, le=20)
    """how many mails go out at once"""
    evidence_megabytes: float = Field(default=5.0, ge=0.0, le=25.0)
    """how much of a ticket's evidence goes with a mail (the call's page, recordings, screenshots);
    0 for none
    """
    replies: Replies | None = None
    """the mailbox in which people's answers arrive; without it nobody reads them"""

    @field_validator("sender")
    @classmethod
    def _one_address(cls, written: str) -> str:
        if not is_address(written):
            raise ValueError(
                f"{written!r} is not a mail address; write it plainly, as in 'reveille@example.net'"
            )
        return written

    @field_validator("replies")
    @classmethod
    def _answered(cls, written: Replies | None) -> Replies | None:
        if written is not None and written.address is not None:
            cls._one_address(written.address)
        return written

    @field_validator("to")
    @classmethod
    def _addresses(cls, written: tuple[str, ...]) -> tuple[str, ...]:
        for address in written:
            cls._one_address(address)
        return written

    @model_validator(mode="after")
    def _login(self) -> MailSettings:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together; give both or neither")
        # On the loopback nobody listens in between: there a local relay may ask for a password
        # without TLS.
        if self.user and self.tls == "none" and not _is_loopback(self.host):
            raise ValueError(
                "a password never goes out in the clear; use tls = 'starttls' or 'tls'"
            )
        return self

    async def try_out(self) -> str:
        """Connect, encrypt and log in, to the mailbox of the answers too; no mail is sent."""
        opened = await MailDesk("mail", self).opened()
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
        # Connect, EHLO, STARTTLS, EHLO, AUTH, MAIL, RCPT and DATA: each step may take the time
        # limit.
        self.timeout_seconds = 8 * settings.timeout
        self._settings = settings

    async def deliver(self, letter: Letter) -> str:
        """Send it; returns the Message-ID and the server's last words. Raises TryLater or Never."""
        enclosures = await _enclosures(letter, self._settings.evidence_megabytes)
        settings, replies = self._settings, self._settings.replies
        answered = Answered((replies.address or settings.sender) if replies else "")
        message = compose(letter, settings.sender, settings.sender_name, enclosures, answered)
        server = await self._connected()
        try:
            return await self._hand_over(server, letter, message)
        finally:
            # Without QUIT: the answer to DATA is the receipt, and a slow QUIT could only make a
            # sent mail a doubtful one.
            server.close()

    async def opened(self) -> str:
        """Connect once; where to. Raises TryLater."""
        (await self._connected()).close()
        return self._where()

    async def _connected(self) -> aiosmtplib.SMTP:
        """Connected, encrypted, logged in. Raises TryLater for the whole desk: no letter is at
        fault here.
        """
        try:
            server = self._client()
            await server.connect()
        # The credential may be put in place later, and then holds for every letter that waits.
        except LookupError as error:
            raise TryLater(
                f"the password of desk {self.name!r}: {error.args[0]}", whole_desk=True
            ) from None
        except (aiosmtplib.SMTPException, OSError, ValueError, CannotTell) as error:
            raise TryLater(f"{self._where()}: {_said(error)}", whole_desk=True) from None
        return server

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port or _PORTS[settings.tls],
            username=settings.user,
            password=settings.password.reveal() if settings.password else None,
            # RFC 5321 section 4.1.1.1 wants a full domain name in EHLO; a host's own name is often
            # a bare word, and refused.
            local_hostname=domain_of(settings.sender),
            timeout=settings.timeout,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            tls_context=trusting(settings.trusted_certificates) if settings.tls != "none" else None,
        )

    async def _hand_over(
        self, server: aiosmtplib.SMTP, letter: Letter, message: EmailMessage
    ) -> str:
        # A null return path (RFC 5321 section 4.5.5) makes no bounce: nobody waits for the answer
        # to an acknowledgement.
        envelope_sender = "" if is_acknowledgement(letter) else self._settings.sender
        try:
            refused, words = await server.send_message(
                message, sender=envelope_sender, recipients=[envelope_address(letter.recipient)]
            )
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            first = refusal.recipients[0]
            raise _by_code(
                first.code, f"{letter.recipient}: {first.code} {first.message}"
            ) from None
        except aiosmtplib.SMTPResponseException as refusal:
            raise _by_code(refusal.code, f"{self._where()}: {_said(refusal)}") from None
        # The address needs SMTPUTF8 (RFC 6531) and the server has none: no later try changes that.
        except aiosmtplib.SMTPNotSupported as error:
            raise Never(f"{self._where()}: {_said(error)}") from None
        # Broken while the mail was handed over: it may have been taken, so the next try carries the
        # same Message-ID.
        except (aiosmtplib.SMTPException, OSError) as error:
            raise TryLater(f"{self._where()}: {_said(error)}") from None
        for code, text in refused.values():
            raise _by_code(code, f"{letter.recipient}: {code} {text}")
        return f"{message['Message-ID']} {words}"

    def _where(self) -> str:
        return f"{self._settings.host}:{self._settings.port or _PORTS[self._settings.tls]}"


def _by_code(code: int, text: str) -> TryLater | Never:
    """RFC 5321, 4.2.1: 4yz is transient, 5yz permanent; 421: the whole server goes away."""
    if code >= 500:
        return Never(text)
    return TryLater(text, whole_desk=code == _SERVICE_NOT_AVAILABLE)


def _said(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or type(error).__name__


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
