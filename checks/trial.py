"""Does everything that a configuration names open? Tried once, placing nothing: no call, no mail,
no message, no backup, no event at an API.

Rule: a look is the trial of a kind that only looks. Of the others what they stand on is tried: the
line's account, the API's address, the rights at a database. What only the real thing can tell is
said to be untried, and never to be good.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from checks.contract import CannotTell, Check, Trace
from checks.telephony.call.line import Line
from checks.telephony.options import SipOptions
from checks.telephony.registration import account_asked
from checks.transport.connect import opened
from checks.transport.faults import far_faults
from checks.transport.tls import trusting

# Where a scheme has its port (IANA), and whether TLS begins at once.
_SCHEMES = {"http": (80, False), "ws": (80, False), "https": (443, True), "wss": (443, True)}


class Untried(Exception):
    """Nothing here can be opened without doing it; its text says how it is tried."""


async def try_check(check: Check, trace: Trace) -> None:
    """Open what a check looks at. Raises Failed, CannotTell, Untried."""
    if await check.try_out(trace):
        return
    if isinstance(url := getattr(check, "url", None), str):
        await _reached(url, getattr(check, "trusted_certificates", None), trace)
        return
    host, port = getattr(check, "host", ""), getattr(check, "port", None)
    if isinstance(host, str) and host and isinstance(port, int):
        with trace.stage("connect"):
            (await opened(host, port)).close()
        return
    if lines := [claim.line for claim in check.claims()]:
        raise Untried(f"its lines are: {', '.join(lines)}")
    raise Untried("only a look can tell: reveille once NAME")


async def try_line(line: Line, trace: Trace) -> None:
    """Ask a registrar for the phones of an account, which takes its password and changes nothing;
    without an account, ask it whether it is there. Raises Failed, CannotTell.
    """
    if line.user is None:
        await SipOptions(line=line).probe(trace)
    else:
        await account_asked(line, trace)


async def _reached(url: str, trusted: Path | None, trace: Trace) -> None:
    """Resolve, connect, and shake hands. Raises Failed, CannotTell."""
    parts = urlsplit(url)
    usual, secure = _SCHEMES.get(parts.scheme, (0, False))
    host, port = parts.hostname or "", parts.port or usual
    if not host or not port:
        raise CannotTell(f"{url!r} is no address to connect to")
    with trace.stage("connect"):
        far = await opened(host, port)
    if not secure:
        far.close()
        return
    with trace.stage("tls"), far_faults():
        await _handshake(far, host, trusting(trusted))


async def _handshake(far: object, host: str, context: ssl.SSLContext) -> None:
    _, writer = await asyncio.open_connection(sock=far, ssl=context, server_hostname=host)
    writer.transport.abort()
