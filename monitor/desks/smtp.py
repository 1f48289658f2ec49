"""A mail server that takes our mails (RFC 5321, submission by RFC 6409 and 8314): how it is
reached, and how a message is handed over, on a connection of its own.

    C: EHLO, STARTTLS, AUTH      whatever goes wrong here is the server's or the settings' fault:
    later, for all letters
    C: MAIL FROM  <- 4xx later, 5xx never
    C: RCPT TO    <- 450 greylisted: later; 550 no such user: never
    C: DATA .     <- 4xx later, 5xx never; a connection that breaks here is ambiguous: `Ambiguous`
"""

from __future__ import annotations

from email.message import EmailMessage
from ipaddress import ip_address
from typing import Literal

import aiosmtplib
from pydantic import Field, field_validator, model_validator

from checks.contract import CannotTell
from checks.settings import Duration, ReadableFile, Secret
from checks.transport.host_port import Host
from checks.transport.tls import trusting
from monitor.desks.desk import DeskSettings, Never, TryLater
from monitor.desks.internet_message import domain_of, envelope_address, is_address

# Submission (RFC 6409), submission over TLS from the first byte (RFC 8314), and plain relay (RFC
# 5321).
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_SERVICE_NOT_AVAILABLE = 421


class Ambiguous(TryLater):
    """The connection broke while the mail was handed over: it may have been taken."""


def one_address(written: str) -> str:
    """The same; raises ValueError for what is not one plain address."""
    if not is_address(written):
        raise ValueError(
            f"{written!r} is not a mail address; write it plainly, as in 'reveille@example.net'"
        )
    return written


class SubmissionSettings(DeskSettings):
    """The mail server of a desk that mails."""

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
    timeout: Duration = 30.0
    """how long to wait for the server at each step"""

    @field_validator("sender")
    @classmethod
    def _one_address(cls, written: str) -> str:
        return one_address(written)

    @model_validator(mode="after")
    def _login(self) -> SubmissionSettings:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together; give both or neither")
        # On the loopback nobody listens in between: there a local relay may ask for a password
        # without TLS.
        if self.user and self.tls == "none" and not _is_loopback(self.host):
            raise ValueError(
                "a password never goes out in the clear; use tls = 'starttls' or 'tls'"
            )
        return self


class Submission:
    """One mail server."""

    def __init__(self, name: str, settings: SubmissionSettings) -> None:
        self._name, self._settings = name, settings
        # Connect, EHLO, STARTTLS, EHLO, AUTH, MAIL, RCPT and DATA: each step may take the time
        # limit.
        self.longest_seconds = 8 * settings.timeout

    async def opened(self) -> str:
        """Connect once; where to. Raises TryLater."""
        (await self._connected()).close()
        return self.where

    async def takes(self, *recipients: str) -> str:
        """Ask whether it takes mails for them, and hand none over; where. Raises TryLater,
        Never.
        """
        server = await self._connected()
        try:
            await self._asked(server, self._settings.sender, recipients)
        except aiosmtplib.SMTPResponseException as refusal:
            raise _by_code(refusal.code, f"{self.where}: {_said(refusal)}") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise TryLater(f"{self.where}: {_said(error)}") from None
        finally:
            server.close()
        return self.where

    async def hand_over_to_all(self, message: EmailMessage, *recipients: str) -> None:
        """Hand it over for every recipient, or for none. Raises TryLater, Ambiguous, Never."""
        server, asked = await self._connected(), False
        try:
            await self._asked(server, self._settings.sender, recipients)
            asked = True
            await server.data(message.as_bytes())
        except aiosmtplib.SMTPResponseException as refusal:
            raise _by_code(refusal.code, f"{self.where}: {_said(refusal)}") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise (Ambiguous if asked else TryLater)(f"{self.where}: {_said(error)}") from None
        finally:
            server.close()

    async def _asked(
        self, server: aiosmtplib.SMTP, sender: str, recipients: tuple[str, ...]
    ) -> None:
        await server.mail(envelope_address(sender))
        for recipient in recipients:
            await server.rcpt(envelope_address(recipient))

    async def hand_over(self, message: EmailMessage, recipient: str, envelope_sender: str) -> str:
        """Hand it over; the server's last words. Raises TryLater, Ambiguous, Never."""
        server = await self._connected()
        try:
            return await self._handed(server, message, recipient, envelope_sender)
        finally:
            # Without QUIT: the answer to DATA is the receipt, and a slow QUIT could only make a
            # sent mail a doubtful one.
            server.close()

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
                f"the password of desk {self._name!r}: {error.args[0]}", whole_desk=True
            ) from None
        except (aiosmtplib.SMTPException, OSError, ValueError, CannotTell) as error:
            raise TryLater(f"{self.where}: {_said(error)}", whole_desk=True) from None
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

    async def _handed(
        self, server: aiosmtplib.SMTP, message: EmailMessage, recipient: str, envelope_sender: str
    ) -> str:
        try:
            refused, words = await server.send_message(
                message, sender=envelope_sender, recipients=[envelope_address(recipient)]
            )
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            first = refusal.recipients[0]
            raise _by_code(first.code, f"{recipient}: {first.code} {first.message}") from None
        except aiosmtplib.SMTPResponseException as refusal:
            raise _by_code(refusal.code, f"{self.where}: {_said(refusal)}") from None
        # The address needs SMTPUTF8 (RFC 6531) and the server has none: no later try changes that.
        except aiosmtplib.SMTPNotSupported as error:
            raise Never(f"{self.where}: {_said(error)}") from None
        # Broken while the mail was handed over: it may have been taken, so the next try carries the
        # same Message-ID.
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Ambiguous(f"{self.where}: {_said(error)}") from None
        for code, text in refused.values():
            raise _by_code(code, f"{recipient}: {code} {text}")
        return words

    @property
    def where(self) -> str:
        """Which server it is."""
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
