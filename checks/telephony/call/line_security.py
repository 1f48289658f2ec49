"""How a call is secured, and what the call engine cannot do of it.

stage     fault codes
connect   dns, refused, unreachable, timeout        (of a line over TLS: the registrar's port)
tls       no-tls, weak-protocol, tls, closed
verify    expired, not-yet-valid, self-signed, untrusted, wrong-name, weak-key, revoked
answer    sip:488 (refused, where the line requires SRTP: the text says so)
media     no-srtp (answered, but not encrypted)
agent     no-srtp (the call to the agent is not offered encrypted, and its line requires it)

The engine's own OpenSSL (1.0.2, TLS 1.2) is old: certificates are judged by Python's ssl before a
call is placed. What only the engine then trips over is an engine error. It speaks no IPv6: that is
refused when the configuration is read.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Self

from pydantic import model_validator

from checks.contract import CannotTell, Failed, Trace
from checks.network.tls_certificate import TlsCertificate
from checks.settings import Settings
from checks.telephony.call import engine
from checks.telephony.call.leg import Phone
from checks.telephony.call.line import Line
from checks.telephony.sip.failover import ways_to
from checks.telephony.sip.location import NextHop
from checks.telephony.sip.target import Target
from checks.transport.connect import connect
from checks.transport.tls import trusting_up_to

MEASURES: Mapping[str, str] = {
    "connect_seconds": "TCP connection to the registrar's TLS port",
    "tls_seconds": "TLS handshake with the registrar",
    "verify_seconds": "judging the registrar's certificate",
    "certificate_days": (
        "how long the registrar's certificate is still valid, days; below zero since when it is not"
    ),
    "tls_version": (
        "the version of TLS that the registrar agrees to, as in 1.3 (the call engine itself has"
        " 1.2)"
    ),
}
ENCRYPTED: Mapping[str, str] = {
    "media_encrypted": "whether the call's media is encrypted (SRTP): 1 or 0"
}
# An IPv6 address has two colons at least; a port has one.
_IPV6 = re.compile(r"(^|@)\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?")
# RFC 3261: 415 (body not understood), 488 and 606 (session description not acceptable).
_NOT_ACCEPTABLE = ("sip:415", "sip:488", "sip:606")
# In the engine's words for a failure of its own TLS.
_ENGINES_TLS = re.compile(r"(?i)tls|ssl|certificate|handshake")


class Engine(Settings):
    """What the call engine can do; a mixin of checks with lines."""

    @model_validator(mode="after")
    def _ipv4_only(self) -> Self:
        for line in self.all_lines().values():
            if _IPV6.search(line.registrar):
                raise ValueError(
                    f"line {line.name!r} goes to {line.registrar!r}, and the call engine has no"
                    " IPv6: name an IPv4 address of it (sip-options and sip-registration do check"
                    " a registrar over IPv6)"
                )
        if _IPV6.search(getattr(self, "to", "")):
            raise ValueError(
                "the call engine has no IPv6: call a number, or a SIP URI at an IPv4 address or a"
                " name"
            )
        return self

    def all_lines(self) -> dict[str, Line]:
        """The lines that take part, by the name of their leg."""
        return {}

    def lacks(self) -> str | None:
        """The engine itself, where this host has none."""
        return engine.missing()


def measures_of(lines: Collection[Line]) -> Mapping[str, str]:
    """The measures that these lines can give."""
    return {
        **(MEASURES if any(line.transport == "tls" for line in lines) else {}),
        **(ENCRYPTED if any(line.srtp != "never" for line in lines) else {}),
    }


def measure(trace: Trace, call: Phone, line: Line) -> None:
    """Measure whether the media was encrypted, where that was asked for."""
    media = call.seen("media")
    if media and line.srtp != "never":
        trace.measure("media_encrypted", float(media["encrypted"]))


async def hold_certificates(trace: Trace, lines: Collection[Line], within: float) -> None:
    """Judge the certificate of each registrar over TLS, once. Raises Failed, CannotTell."""
    seen = set()
    for line in lines:
        target = Target(line.registrar, line.carrier, line.trusted_certificates)
        # Two lines to the same registrar are one certificate.
        if line.carrier == "udp" or line.carrier == "tcp" or target in seen:
            continue
        seen.add(target)
        hop = await _by_tls(target, within)
        if hop is None:
            continue
        check = TlsCertificate(
            host=hop.server.name,
            port=hop.server.port,
            server_name=hop.domain,
            trusted_certificates=line.trusted_certificates,
            within=within,
        )
        await check.probe(trace)


async def _by_tls(target: Target, within: float) -> NextHop | None:
    """The server whose certificate counts. Raises Failed, CannotTell."""
    try:
        hop = (await ways_to(target, within)).hops[0]
    except Failed:
        # Whether it is reached by TLS at all is not known: the first stage of the call says it.
        if target.carrier is None:
            return None
        raise
    return hop if hop.server.carrier == "tls" else None


@asynccontextmanager
async def named(lines: Mapping[str, Line], within: float) -> AsyncIterator[None]:
    """Around an attempt: says of a refusal that SRTP was required, and of the engine's own TLS that
    it is the engine's. Raises Failed, CannotTell.
    """
    try:
        yield
    except Failed as fault:
        secure = [line for line in lines.values() if line.transport == "tls"]
        if fault.origin == "local" and secure:
            # Python's ssl has found the certificate good just before: what fails now is the
            # engine's older OpenSSL.
            if _ENGINES_TLS.search(fault.text):
                raise CannotTell(
                    f"engine error: the registrar's TLS is good, but the engine's own: {fault}"
                ) from fault
            if fault.code in ("unreachable", "closed") and any(
                [await _too_new(line, within) for line in secure]
            ):
                # A registrar that has switched TLS 1.2 off is right to do so (RFC 9325 prefers
                # 1.3); our engine cannot follow.
                raise CannotTell(
                    f"engine error: the registrar has no TLS 1.2, and the engine no newer: {fault}"
                ) from fault
        requiring = [line.name for line in lines.values() if line.srtp == "required"]
        # With srtp = "required" a 488 most often means that the far end has no SRTP (RFC 4568).
        if fault.code in _NOT_ACCEPTABLE and requiring:
            raise Failed(
                fault.code,
                f"{fault.text}; SRTP is required of {', '.join(requiring)}: is it offered there?",
            ) from fault
        raise


async def _too_new(line: Line, within: float) -> bool:
    """Whether the registrar takes a newer TLS than the engine's, and not the engine's."""
    newest, engines = ssl.TLSVersion.MAXIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_2
    return await _shakes_hands(line, within, newest) and not await _shakes_hands(
        line, within, engines
    )


async def _shakes_hands(line: Line, within: float, newest: ssl.TLSVersion) -> bool:
    context = trusting_up_to(line.trusted_certificates, newest)
    try:
        async with asyncio.timeout(within):
            target = Target(line.registrar, line.carrier, line.trusted_certificates)
            hop = (await ways_to(target, within)).hops[0]
            _, writer = await asyncio.open_connection(
                sock=await connect(hop.addresses), ssl=context, server_hostname=hop.domain
            )
    except (Failed, OSError, TimeoutError):
        return False
    writer.close()
    return True
