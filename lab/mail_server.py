"""A mail server of the lab's own (RFC 5321): takes every mail, keeps it as .eml, delivers it to
nobody.

Rules: each recipient gets a Delivered-To line at the top, as a delivery agent would write; a
put-off recipient (451) is put off before DATA, so a sender may try again without doubt.
"""

from __future__ import annotations

import asyncio
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from lab.injected_faults import Faults

# RFC 5321 section 4.2.2 with the enhanced code of RFC 3463: a later attempt may succeed.
PUT_OFF = "451 4.7.1 Greylisted: try again later"


class Mailbox:
    """The server and its folder."""

    def __init__(
        self,
        folder: Path,
        faults: Faults,
        context: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        """`context` offers STARTTLS; `login` (user, password) is then asked of every sender, over
        TLS only.
        """
        self.folder, self._faults, self._context, self._login = folder, faults, context, login
        self.port = 0
        # How many recipients were answered 451.
        self.put_off = 0
        self.arrived = asyncio.Event()
        self._connections: set[_Session] = set()

    async def open(self, host: str) -> None:
        """Bind a free port. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._count = len(list(self.folder.glob("*.eml")))
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Break off what is under way."""
        self._server.close()
        for connection in list(self._connections):
            connection.break_off()
            await connection.over.wait()
        await self._server.wait_closed()

    def messages(self) -> list[EmailMessage]:
        """Every mail so far, the oldest first."""
        return [
            message_from_bytes(path.read_bytes(), policy=policy.default) for path in self.paths()
        ]

    def paths(self) -> list[Path]:
        """Where they are kept."""
        return sorted(self.folder.glob("*.eml"))

    def clear(self) -> None:
        """Throw everything away."""
        for path in self.paths():
            path.unlink()

    async def wait_for(self, count: int) -> list[EmailMessage]:
        """The mails, once there are that many; for ever if they never come."""
        while len(self.paths()) < count:
            await self.arrived.wait()
        return self.messages()

    def keep(self, envelope: Envelope) -> None:
        """File one mail."""
        self._count += 1
        lines = [f"Return-Path: <{envelope.mail_from or ''}>"]
        lines += [f"Delivered-To: {recipient}" for recipient in envelope.rcpt_tos]
        content = (
            envelope.content
            if isinstance(envelope.content, bytes)
            else (envelope.content or "").encode()
        )
        # Renamed when complete: whoever lists the folder never reads half a mail.
        part = self.folder / f".{self._count:04d}.part"
        part.write_bytes("".join(f"{line}\r\n" for line in lines).encode() + content)
        part.rename(self.folder / f"{self._count:04d}.eml")
        self.arrived.set()
        self.arrived = asyncio.Event()

    # --- what aiosmtpd asks (its names)

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """One recipient."""
        if self._faults.broken("mail-refused"):
            self.put_off += 1
            return PUT_OFF
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """One mail."""
        self.keep(envelope)
        return "250 2.0.0 OK: kept"

    def _session(self) -> SMTP:
        return _Session(
            self,
            self._connections,
            hostname="mail.lab.invalid",
            enable_SMTPUTF8=True,
            tls_context=self._context,
            require_starttls=self._login is not None,
            auth_required=self._login is not None,
            authenticator=self._authenticate,
        )

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any
    ) -> AuthResult:
        right = isinstance(given, LoginPassword) and self._login == (
            given.login.decode(),
            given.password.decode(),
        )
        return AuthResult(success=right, handled=right)


class _Session(SMTP):  # type: ignore[misc,unused-ignore]
    """One connection; known to the mailbox until it is gone."""

    def __init__(self, handler: Mailbox, known: set[_Session], **options: Any) -> None:
        super().__init__(handler, **options)
        self._known = known
        self.over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._known.add(self)

    def break_off(self) -> None:
        """Hang up without a word."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._known.discard(self)
        self.over.set()
