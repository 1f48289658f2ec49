"""Does mail work? Banner, EHLO, STARTTLS, login (RFC 5321, 3207, 4954), and a mail that arrives,
found by IMAP.

    connect   TCP mail.example.net:25                faults: dns, refused, unreachable
    banner    < 220 mail.example.net ESMTP Postfix   faults: smtp:554, bad-peer
    hello     > EHLO [192.0.2.7]       < 250-…       faults: smtp:502
    starttls  > STARTTLS               < 220         faults: no-starttls, expired, wrong-name, …
              handshake, certificate
    login     > AUTH PLAIN …           < 235         faults: smtp:535, no-login
    mailbox   IMAP: log in, select                   faults: imap:no, refused, …
    send      > MAIL FROM  > RCPT TO  > DATA  > …    faults: smtp:451, smtp:550
              < 250 queued
    arrive    > UID SEARCH HEADER Message-ID         fault:  not-arrived
              < * SEARCH 47
    delete    > UID STORE …  > UID EXPUNGE …         faults: imap:no
    any of them                                      faults: closed, timeout

Rules: without a recipient nothing is sent; each mail has a token of its own, so that an older one
is never taken for it; a mail that arrived is deleted, and so are the check's own of a day ago that
came too late.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP as LINES
from email.utils import formatdate
from time import gmtime, strftime
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.kind import Duty
from checks.network.imap import HEADER, Imap, Mailbox, Security, revealed
from checks.network.starttls import agree_on_tls, hello, reply
from checks.settings import Duration, ReadableFile, Secret
from checks.transport.host_port import Host
from checks.transport.line_protocol import Conversation
from checks.transport.tls import trusting

Address = Annotated[
    str, Field(pattern=r"^[^\s<>@\x00-\x1f\x7f-\U0010ffff]{1,64}@[A-Za-z0-9.-]{1,190}$")
]
# A reserved name (RFC 2606 section 2): the Message-ID cannot be one of somebody else's mail.
_DOMAIN = "reveille.invalid"
_ONE_DAY_SECONDS = 86400.0
_FAREWELL_SECONDS = 1.0


class Smtp(Check):
    """Talks to a mail server up to a login, and with a recipient sends a mail and looks for it
    where it must arrive.
    """

    KIND: ClassVar[str] = "smtp"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "network"
    SAMPLE: ClassVar[str] = """
[checks.mail-arrives]
kind = "smtp"
every = "15m"
host = "mail.example.net"
port = 587
user = "probe"
password = { credential = "probe-mail" }
sender = "probe@example.net"
recipient = "probe@example.net"
mailbox = { host = "imap.example.net", user = "probe", password = { credential = "probe-mail" } }
"""

    host: Host = Field(min_length=1, examples=["mail.example.net"])
    """host name or address of the mail server"""
    port: int = Field(default=25, ge=1, le=65535)
    """its port: 25 between servers, 587 for submission with STARTTLS, 465 for submission under
    TLS
    """
    security: Security = "starttls"
    """how TLS begins: when asked for (starttls), at once (tls), or never (none)"""
    user: str | None = Field(default=None, min_length=1)
    """the account to log in with; without it nobody logs in"""
    password: Secret | None = None
    """its password, by reference"""
    sender: Address = Field(default="reveille@example.net")
    """the address that the mail is from"""
    recipient: Address | None = Field(default=None, examples=["probe@example.net"])
    """the address that a test mail is sent to; without it none is sent"""
    mailbox: Mailbox | None = None
    """where the test mail must arrive; without it that the server took it is enough"""
    arrive_within: Duration = Field(default=60.0, gt=0)
    """how soon the mail must have arrived"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust; without it the system's"""
    within: Duration = Field(default=30.0, gt=0)
    """time limit for everything but the arrival"""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("a login needs both 'user' and 'password'")
        # RFC 4954 section 9 warns of PLAIN without TLS; whoever listens on the way has the
        # password.
        if self.user and self.security == "none":
            raise ValueError(
                'a password is never sent in the clear; write security = "starttls" or "tls"'
            )
        if (
            self.mailbox
            and self.mailbox.security == "none"
            and self.mailbox.host not in ("127.0.0.1", "::1")
        ):
            raise ValueError(
                'the mailbox\'s password is never sent in the clear; write its security as "tls"'
            )
        if self.mailbox and not self.recipient:
            raise ValueError("no mail can arrive where none is sent; write 'recipient'")
        return self

    def measures(self) -> Mapping[str, str]:
        """A time for each stage that these settings have."""
        return {
            "connect_seconds": "name resolution and TCP connection, in seconds",
            "banner_seconds": "waiting for the server's greeting, in seconds",
            "hello_seconds": "EHLO, in seconds",
            "starttls_seconds": "TLS: STARTTLS, handshake and EHLO anew, in seconds; only with it",
            "login_seconds": "logging in, in seconds; only with a user",
            "mailbox_seconds": "opening the mailbox, in seconds; only with one",
            "send_seconds": (
                "from MAIL to the server's promise to deliver, in seconds; only with a recipient"
            ),
            "arrive_seconds": (
                "from that promise until the mail was found, in seconds; only with a mailbox"
            ),
            "delete_seconds": "deleting it, in seconds; only with a mailbox",
        }

    def longest_seconds(self) -> float:
        """The time limits, and a little for the closing."""
        return self.within + (self.arrive_within if self.mailbox else 0.0) + 2.0

    async def probe(self, trace: Trace) -> None:
        """Go through the stages once."""
        talk: Conversation | None = None
        imap: Imap | None = None
        limit = asyncio.timeout(self.within)
        try:
            async with limit:
                with trace.stage("connect"):
                    talk = await Conversation.open(self.host, self.port)
                await self._enter(talk, trace)
                if self.mailbox:
                    with trace.stage("mailbox"):
                        imap = await Imap.open(self.mailbox)
                if self.recipient:
                    message = self._mail(trace)
                    with trace.stage("send"):
                        await self._send(talk, message)
                    if imap:
                        # Greylisting and queues take minutes, and are no fault of the server that
                        # we talk to: from here on the arrival has its own limit.
                        limit.reschedule(
                            asyncio.get_running_loop().time() + self.arrive_within + self.within
                        )
                        await self._arrived(imap, message, trace)
            await _leave(talk)
        except TimeoutError:
            raise Failed("timeout", f"not through within {self.within:g} s") from None
        finally:
            for open_one in (talk, imap):
                if open_one:
                    await open_one.close()

    async def _enter(self, talk: Conversation, trace: Trace) -> None:
        """Go from the connection to a session that may send mail."""
        if self.security == "tls":
            with trace.stage("starttls"):
                await self._secure(talk)
        with trace.stage("banner"):
            trace.note(talk.shown((await reply(talk, 220)).lines[0]))
        with trace.stage("hello"):
            offered = await hello(talk)
        if self.security == "starttls":
            with trace.stage("starttls"):
                await agree_on_tls(talk, offered)
                await self._secure(talk)
                offered = await hello(talk)
        if self.user and self.password:
            with trace.stage("login"):
                await _log_in(talk, offered, self.user, revealed(self.password))

    async def _secure(self, talk: Conversation) -> None:
        await talk.start_tls(trusting(self.trusted_certificates), self.host)

    def _mail(self, trace: Trace) -> EmailMessage:
        """A mail that nobody answers (RFC 3834); dated when this attempt began: a check has no wall
        clock.
        """
        message = EmailMessage(policy=LINES)
        message["From"], message["To"] = self.sender, self.recipient
        message["Subject"] = "Reveille: test mail"
        message["Date"] = formatdate(trace.began_at)
        message["Message-ID"] = f"<{secrets.token_hex(16)}@{_DOMAIN}>"
        # RFC 3834 section 5: no vacation notice and no ticket system answers such a mail. The next
        # header is for Microsoft Exchange, which knows its own only.
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message[HEADER] = "mail"
        message.set_content(
            "This mail checks that mail arrives. It is deleted by the check that sent it.\n"
        )
        return message

    async def _send(self, talk: Conversation, message: EmailMessage) -> None:
        for command, good in (
            (f"MAIL FROM:<{self.sender}>", (250,)),
            (f"RCPT TO:<{self.recipient}>", (250,)),
            ("DATA", (354,)),
        ):
            talk.say(command)
            await reply(talk, *good)
        text = message.as_bytes().decode("ascii").removesuffix("\r\n")
        # RFC 5321 section 4.5.2: a line that begins with a dot gets another one.
        dotted = ("." + line if line.startswith(".") else line for line in text.split("\r\n"))
        talk.say_lines([*dotted, "."])
        await reply(talk, 250)

    async def _arrived(self, imap: Imap, message: EmailMessage, trace: Trace) -> None:
        with trace.stage("arrive"):
            try:
                async with asyncio.timeout(self.arrive_within):
                    uid = await imap.find(str(message["Message-ID"]))
            except TimeoutError:
                text = f"not in the mailbox within {self.arrive_within:g} s"
                raise Failed("not-arrived", text) from None
        with trace.stage("delete"):
            day_ago = strftime("%d-%b-%Y", gmtime(trace.began_at - _ONE_DAY_SECONDS))
            late = await imap.left_over(day_ago)
            if not await imap.delete(uid, *late):
                trace.note("the mail is marked as deleted and stays: the mailbox offers no UIDPLUS")
            if late:
                trace.note(f"{len(late)} test mails had come too late, and were deleted too")


async def _log_in(talk: Conversation, offered: frozenset[str], user: str, password: str) -> None:
    """AUTH PLAIN (RFC 4616), else LOGIN, which older servers speak alone."""
    ways = {
        word
        for line in offered
        if line.startswith("AUTH")
        for word in line.replace("=", " ").split()
    }
    secret = _coded(f"\0{user}\0{password}")
    talk.keep_secret(password, secret)
    if "PLAIN" in ways:
        talk.say(f"AUTH PLAIN {secret}")
    elif "LOGIN" in ways:
        # Never standardised, and all that old Exchange servers and some appliances offer: the
        # answers are user and password in base64, one line each.
        talk.say("AUTH LOGIN")
        await reply(talk, 334)
        talk.say(_coded(user))
        await reply(talk, 334)
        talk.say(_coded(password))
    else:
        raise Failed("no-login", "neither AUTH PLAIN nor AUTH LOGIN is offered")
    await reply(talk, 235)


async def _leave(talk: Conversation) -> None:
    """Politely; all that mattered has been said, so nothing that comes of it counts."""
    # RFC 5321 section 4.1.1.10: a client should await the answer to QUIT; that some servers hang up
    # or say nothing is no fault worth a ticket.
    with suppress(Failed, CannotTell, TimeoutError):
        async with asyncio.timeout(_FAREWELL_SECONDS):
            talk.say("QUIT")
            await reply(talk, 221)


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
