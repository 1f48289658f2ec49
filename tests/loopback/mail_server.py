"""A real SMTP server (aiosmtpd) on 127.0.0.1 whose answers a test sets; also as a process of its
own that files mails.

As a process: `python mail_server.py FOLDER` prints its port, files each mail durably before it says
250.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

OK = "250 2.0.0 Ok: queued as 4711"


@dataclass
class MailServer:
    """Takes mails. `recipient` and `data` answer RCPT and the final dot; "drop" breaks the
    connection.
    """

    recipient: Callable[[str], str] = lambda address: "250 Ok"
    data: Callable[[], str] = lambda: OK
    sender: Callable[[], str] = lambda: "250 Ok"
    login: tuple[str, str] | None = None
    port: int = 0
    envelopes: list[Envelope] = field(default_factory=list)
    connections: int = 0
    hello: str = ""

    @property
    def messages(self) -> list[EmailMessage]:
        """What arrived, parsed as strictly as this parser can."""
        read = [
            message_from_bytes(envelope.original_content or b"", policy=policy.default)
            for envelope in self.envelopes
        ]
        assert all(isinstance(message, EmailMessage) and not message.defects for message in read)
        return [message for message in read if isinstance(message, EmailMessage)]

    async def handle_EHLO(
        self, server: Any, session: Session, envelope: Envelope, name: str, says: list[str]
    ) -> list[str]:
        self.hello = session.host_name = name
        return says

    async def handle_MAIL(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (answer := self.sender()).startswith("2"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (answer := self.recipient(address)).startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        if (answer := self.data()) == "drop":
            server.transport.abort()
        else:
            self.envelopes.append(envelope)
        return answer

    def authenticate(
        self, server: Any, session: Session, envelope: Envelope, how: str, what: LoginPassword
    ) -> AuthResult:
        return AuthResult(
            success=(what.login.decode(), what.password.decode()) == self.login, handled=False
        )

    def protocol(self, **options: Any) -> SMTP:
        self.connections += 1
        if self.login:
            options |= {"authenticator": self.authenticate, "auth_required": True}
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # it warns of a login without TLS, which is what a test may want
            return SMTP(
                self,
                hostname="mail.test",
                enable_SMTPUTF8=options.pop("enable_SMTPUTF8", True),
                **options,
            )


@asynccontextmanager
async def serving(
    server: MailServer,
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> AsyncIterator[MailServer]:
    """The server, listening on a free port while the block runs."""
    if starttls:
        options |= {"tls_context": starttls, "require_starttls": True}
    elif server.login:
        options |= {"auth_require_tls": False}
    loop = asyncio.get_running_loop()
    protocols: list[SMTP] = []

    def connected() -> SMTP:
        protocols.append(server.protocol(**options))
        return protocols[-1]

    listening = await loop.create_server(connected, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for protocol in protocols:
            # What was closed twice has no protocol to abort any more (asyncio/sslproto.py, 3.11.2).
            if isinstance(protocol.transport, asyncio.WriteTransport):
                with suppress(AttributeError):
                    protocol.transport.abort()
        await listening.wait_closed()
        await asyncio.sleep(0)


class Filing(MailServer):
    """Files each mail before it is acknowledged, as a mail server must (RFC 5321, 6.1)."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.number = folder, 0

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        self.number += 1
        new = self.folder / f"{self.number:06d}.new"
        with new.open("wb") as file:
            file.write(
                f"Delivered-To: {envelope.rcpt_tos[0]}\r\n".encode()
                + (envelope.original_content or b"")
            )
            file.flush()
            os.fsync(file.fileno())
        new.rename(new.with_suffix(".eml"))
        return OK


async def _serve(folder: Path) -> None:
    async with serving(Filing(folder)) as server:
        print(server.port, flush=True)
        await asyncio.get_running_loop().run_in_executor(
            None, sys.stdin.read
        )  # until our parent is gone


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
