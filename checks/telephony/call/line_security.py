"""How a call is secured, and what the call engine cannot do of it.

stage     fault codes
connect   dns, refused, unreachable, timeout        (of a line over TLS: the registrar's port)
tls       no-tls, weak-protocol, tls, closed
verify    expired, not-yet-valid, self-signed, untrusted, wrong-name, weak-key, revoked
answer    sip:488 (refused, where the line requires SRTP: the text says so)
media     no-srtp (answered, but not encrypted)
agent     no-srtp (the call to the agent is not offered encrypted, and its line requires it)

Certificates are judged before a call is placed; the call's own TLS is made by the same library,
beside the engine (checks/telephony/phone/tls_relay.py). The engine speaks no IPv6: that is refused
when the configuration is read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from pydantic import model_validator

from checks.contract import Failed, Trace
from checks.network.tls_certificate import TlsCertificate
from checks.settings import Settings
from checks.telephony.call import engine
from checks.telephony.call.leg import Phone
from checks.telephony.call.line import Line
from checks.telephony.sip.failover import ways_to
from checks.telephony.sip.location import NextHop
from checks.telephony.sip.target import Target

MEASURES: Mapping[str, str] = {
    "connect_seconds": "TCP connection to the registrar's TLS port",
    "tls_seconds": "TLS handshake with the registrar",
    "verify_seconds": "judging the registrar's certificate",
    "certificate_days": (
        "how long the registrar's certificate is still valid, days; below zero since when it is not"
    ),
    "tls_version": ("the version of TLS that the registrar agrees to, as in 1.3"),
}
ENCRYPTED: Mapping[str, str] = {
    "media_encrypted": "whether the call's media is encrypted (SRTP): 1 or 0"
}
# An IPv6 address has two colons at least; a port has one.
_IPV6 = re.compile(r"(^|@)\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?")
# RFC 3261: 415 (body not understood), 488 and 606 (session description not acceptable).
_NOT_ACCEPTABLE = ("sip:415", "sip:488", "sip:606")


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


@contextmanager
def named(lines: Mapping[str, Line]) -> Iterator[None]:
    """Around an attempt: says of a refusal that SRTP was required. Raises Failed."""
    try:
        yield
    except Failed as fault:
        requiring = [line.name for line in lines.values() if line.srtp == "required"]
        # With srtp = "required" a 488 most often means that the far end has no SRTP (RFC 4568).
        if fault.code in _NOT_ACCEPTABLE and requiring:
            raise Failed(
                fault.code,
                f"{fault.text}; SRTP is required of {', '.join(requiring)}: is it offered there?",
            ) from fault
        raise
