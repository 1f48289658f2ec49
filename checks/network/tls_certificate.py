"""Is the certificate good, for this name, and for long enough? One TLS handshake (RFC 8446) and
nothing more.

    connect   TCP mail.example.net:25               faults: dns, refused, unreachable
    starttls  < 220 mail.example.net ESMTP          faults: no-starttls, smtp:454, bad-peer
              > EHLO …  > STARTTLS  < 220
    tls       > ClientHello (SNI mail.example.net)  faults: weak-protocol, no-tls, tls, closed
              < Certificate …
    verify    chain, dates, name:                   faults: expired, not-yet-valid, self-signed,
              certificate_days = 23.4                       untrusted, wrong-name, weak-key,
                                                            revoked
    any of them                                     fault:  timeout

Rules: OpenSSL decides whether a certificate is good, by the rules of browsers: a chain is as old as
its oldest link, and a name in the subject alone is none. One that is not good is fetched again
without trust, only to say whose it is and how long it is (or was) valid; nothing that it names is
ever fetched. To be warned in time, expect it: `certificate_days >= 14`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.kind import Duty
from checks.network.starttls import begin_imap, begin_smtp
from checks.settings import Duration, ReadableFile
from checks.transport.host_port import Host
from checks.transport.http.trust import Certificate, begins_at, chain, ends_at
from checks.transport.line_protocol import Conversation
from checks.transport.tls import old_cipher, taking_anything, trusting
from checks.transport.tls_context import Version

# The object identifier 1.3.6.1.5.5.7.1.24 (TLS feature, RFC 7633 section 4) as X.690 has it.
_MUST_STAPLE = bytes.fromhex("06082b06010505070118")
_SECONDS_A_DAY = 86400.0
# A certificate of a content network has a hundred names; the ticket needs to show whose it is.
_MOST_NAMES = 8
_LONGEST_SAID = 900
# What ends within a month is told, whoever has to renew it: certificates of authorities are
# replaced by hand.
_SOON_DAYS = 30


class TlsCertificate(Check):
    """Looks at the certificate of any service that speaks TLS, from the beginning or after
    STARTTLS.
    """

    KIND: ClassVar[str] = "tls-certificate"
    LOOKS_ONLY: ClassVar[bool] = True
    ALSO_CALLED: ClassVar[tuple[str, ...]] = ("ssl", "tls", "certificate", "x509")
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "network"
    SAMPLE: ClassVar[str] = """
[checks.portal-certificate]
kind = "tls-certificate"
component = "agent-portal"
at = ["09:00"]
warn = ["certificate_days >= 14"]
host = "agent.example.net"
"""

    host: Host = Field(min_length=1, examples=["portal.example.net"])
    """host name or address to connect to"""
    port: int = Field(default=443, ge=1, le=65535)
    """port to connect to"""
    server_name: str | None = Field(default=None, min_length=1, examples=["www.example.net"])
    """the name to ask for (SNI) and that the certificate must have; without it `host`"""
    starttls: Literal["smtp", "imap"] | None = Field(default=None, examples=["smtp"])
    """the protocol in which TLS is asked for, where the service begins in the clear"""
    minimum_version: Version = "1.2"
    """the oldest version of TLS that is good enough"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust; without it the system's"""
    within: Duration = Field(default=10.0, gt=0)
    """time limit for everything together"""

    def measures(self) -> Mapping[str, str]:
        """A time for each phase, and what the certificate tells."""
        return {
            "connect_seconds": "name resolution and TCP connection, in seconds",
            "starttls_seconds": (
                "from the greeting to the agreement on TLS, in seconds; only with starttls"
            ),
            "tls_seconds": "TLS handshake, in seconds",
            "certificate_days": (
                "how long the certificate and those that vouch for it are still valid, in days;"
                " below zero since when one is not"
            ),
            "tls_version": "the version of TLS that was agreed on, as in 1.3",
        }

    def longest_seconds(self) -> float:
        """The time limit, and a little for the closing."""
        return self.within + 2.0

    async def probe(self, trace: Trace) -> None:
        """Make one handshake, and judge the certificate."""
        try:
            async with asyncio.timeout(self.within):
                wrong = await self._handshake(trace)
                with trace.stage("verify"):
                    if wrong is not None:
                        raise await self._explained(wrong, trace)
        except TimeoutError:
            raise Failed("timeout", f"not through within {self.within:g} s") from None

    async def _handshake(self, trace: Trace) -> Failed | None:
        """The handshake in its stages; what is wrong with the certificate, if that is all that is
        wrong.
        """
        with trace.stage("connect"):
            talk = await Conversation.open(self.host, self.port)
        try:
            if self.starttls:
                with trace.stage("starttls"):
                    await self._begin(talk)
            with trace.stage("tls"):
                try:
                    await self._tls(talk, trusting(self.trusted_certificates, self.minimum_version))
                except Failed as wrong:
                    # A bad certificate is the fault of the stage `verify`, as if the handshake had
                    # been completed: who renews certificates is another team than who runs the
                    # service.
                    if isinstance(wrong.__cause__, ssl.SSLCertVerificationError):
                        return wrong
                    raise
            self._measured(talk, trace)
        finally:
            await talk.close()
        return None

    async def _begin(self, talk: Conversation) -> None:
        if self.starttls:
            await {"smtp": begin_smtp, "imap": begin_imap}[self.starttls](talk)

    async def _tls(self, talk: Conversation, context: ssl.SSLContext) -> None:
        await talk.start_tls(context, self.server_name or self.host)

    def _measured(self, talk: Conversation, trace: Trace) -> None:
        agreed = talk.tls()
        if agreed is None:
            return
        version = agreed.version() or ""
        trace.measure("tls_version", float(version.removeprefix("TLSv") or "nan"))
        trace.note(f"{version}, {(agreed.cipher() or ('',))[0]}")
        if old := old_cipher(agreed):
            trace.note(f"warning: browsers take what strict clients refuse: {old}")
        if links := chain(agreed):
            _describe(links, trace)
        if _MUST_STAPLE in (agreed.getpeercert(binary_form=True) or b""):
            trace.note(
                "the certificate demands a staple (OCSP, RFC 7633), for which this does not ask:"
                " clients that hold it to that refuse the server where it sends none"
            )

    async def _explained(self, wrong: Failed, trace: Trace) -> Failed:
        """The fault, with whose certificate it is and since when it is wrong, as far as that can be
        found out.
        """
        try:
            links = await self._sent()
        except (Failed, CannotTell) as problem:
            trace.note(f"the certificate could not be fetched for a closer look: {problem}")
            return wrong
        said = [_describe(links, trace)] if links else []
        if wrong.code == "untrusted" and links and (url := _where_its_issuer_is(links[-1])):
            # RFC 8446 section 4.4.2: each certificate is followed by the one that vouches for it.
            said.append(
                f"some browsers fetch the missing one from {url}; curl, Firefox and phones do not"
            )
        return Failed(wrong.code, "; ".join(filter(None, (wrong.text, *said))))

    async def _sent(self) -> list[Certificate]:
        """The certificates that are shown, trusted or not."""
        talk = await Conversation.open(self.host, self.port)
        try:
            await self._begin(talk)
            await self._tls(talk, taking_anything())
            agreed = talk.tls()
            return chain(agreed, verified=False) if agreed else []
        finally:
            await talk.close()


def _describe(links: list[Certificate], trace: Trace) -> str:
    """Days left, as counted from when this attempt began: a check has no wall clock."""
    oldest = min(links, key=ends_at)
    trace.measure("certificate_days", (ends_at(oldest) - trace.began_at) / _SECONDS_A_DAY)
    # RFC 9525 looks at the subject alternative names alone; a common name is shown only for an old
    # certificate without any.
    own = links[0]
    names = [value for _, value in own.get("subjectAltName", ())] or [
        f"{_name(own.get('subject', ()))} (in the subject alone, which no browser reads)"
    ]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    said = (
        f"for {', '.join(names[:_MOST_NAMES])}{more}, issued by"
        f" {_name(own.get('issuer', ()))}, valid from {own['notBefore']} to"
        f" {own['notAfter']}"
    )
    told = [said, *(_of_link(link, trace) for link in links[1:])]
    said = "; ".join(filter(None, told))
    said = "".join(sign if sign.isprintable() else " " for sign in said)[:_LONGEST_SAID]
    trace.note(said)
    return said


def _of_link(link: Certificate, trace: Trace) -> str:
    """What is to be said of a certificate above the far end's own: when it has ended, or does so
    soon.
    """
    who, ends = _name(link.get("subject", ())), ends_at(link)
    if ends < trace.began_at:
        return f"the certificate of {who}, which vouches for it, ended on {link['notAfter']}"
    if begins_at(link) > trace.began_at:
        return f"the certificate of {who}, which vouches for it, begins on {link['notBefore']}"
    if ends - trace.began_at < _SOON_DAYS * _SECONDS_A_DAY:
        return f"the certificate of {who}, which vouches for it, ends on {link['notAfter']}"
    return ""


def _where_its_issuer_is(link: Certificate) -> str:
    """Where a browser would fetch the certificate that was not sent (RFC 5280 section 4.2.2.1)."""
    return str(next(iter(link.get("caIssuers", ())), ""))[:200]


def _name(parts: Any) -> str:
    """The common name of a subject or issuer, else its last part."""
    found = {key: value for part in parts for key, value in part}
    return str(found.get("commonName") or next(reversed(found.values()), "nobody"))
