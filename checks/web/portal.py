"""Does a portal answer, soon enough, and with the page that it should? One GET (RFC 9110) over a new connection.

    dns       portal.example.net -> 192.0.2.10                    fault: dns
    connect   TCP 192.0.2.10:443                                  faults: refused, unreachable
    tls       certificate checked, TLS 1.2 or newer               faults: certificate, tls
    response  > GET /login HTTP/1.1      < HTTP/1.1 200 OK        faults: http:503, closed, bad-peer, redirects
    content   < <title>Agent Portal</title> ... Sign in ...       faults: missing-text, unwanted-text, broken-off
    any of them                                                   fault: timeout

Rules: the stage under way is told by the connection itself, not guessed from the error; of the body no more than
`max_bytes` is read; a page that failed is kept as an exhibit. A redirect makes the stages begin anew; the measures are
those of the last connection, `total_seconds` counts them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from checks.contract import Check, Layer, Refused, Trace
from checks.settings import Duration, ReadableFile
from checks.web.http.address import web_address


class Portal(Check):
    """Fetches one page and looks at its status and its text."""

    KIND: ClassVar[str] = "portal"
    LAYER: ClassVar[Layer] = Layer.APPLICATION

    url: Annotated[str, AfterValidator(web_address)]
    """the page to fetch"""
    expect_status: int = Field(default=200, ge=100, le=599)
    """the HTTP status that is right"""
    must_contain: tuple[str, ...] = ()
    """texts that the page must have, letter for letter"""
    must_not_contain: tuple[str, ...] = ()
    """texts that it must not have ("maintenance", a stack trace)"""
    follow_redirects: bool = True
    """whether a redirect is followed; else it is the answer"""
    within: Duration = Field(default=10.0, gt=0)
    """time limit for everything together"""
    max_bytes: int = Field(default=1_000_000, ge=1)
    """how much of the page is read"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust on https; without it the system's"""

    def measures(self) -> Mapping[str, str]:
        """The phases, and what came."""
        return {
            "dns_seconds": "name resolution, in seconds; none for a literal address",
            "connect_seconds": "TCP connection, in seconds",
            "tls_seconds": "TLS handshake, in seconds; none for http",
            "response_seconds": "from the request to the end of the answer's header, in seconds",
            "content_seconds": "reading the page, in seconds",
            "first_byte_seconds": "from the beginning to the answer's header, in seconds",
            "total_seconds": "everything, in seconds",
            "http_status": "the answer's status code",
            "body_bytes": "how much of the page was read, in bytes",
            "certificate_days": "how long the certificate is still valid, in days; none for http",
        }

    def longest_seconds(self) -> float:
        """The time limit, and a little for the closing."""
        return self.within + 2.0

    async def probe(self, trace: Trace) -> None:
        """Fetch the page once."""
        try:
            async with asyncio.timeout(self.within):
                await self._look(trace)
        except TimeoutError:
            raise Refused("timeout", f"not through within {self.within:g} s") from None
        trace.measure("total_seconds", trace.elapsed())

    async def _look(self, trace: Trace) -> None:
        from checks.web.http.address import Address
        from checks.web.http.client import Failed, Manner, fetch
        from checks.web.http.message import Limits, Request
        from checks.web.http.phases import Phases

        manner = Manner(
            limits=Limits(body_bytes=self.max_bytes, cut=True),
            trusted=self.trusted_certificates,
            follow=self.follow_redirects,
            now=trace.exhibits_folder.stat().st_mtime,
        )
        request = Request("GET", Address.parse(self.url))
        with Phases(trace) as phases:
            try:
                page = await fetch(request, phases, manner, lambda status: status == self.expect_status)
            except Failed as failed:
                trace.exhibit("page.html", failed.answer.head.content_type, failed.answer.body)
                raise
            if fault := self._text_fault(page.text):
                trace.exhibit("page.html", page.head.content_type, page.body)
                raise fault
            phases.leave()

    def _text_fault(self, text: str) -> Refused | None:
        if missing := [wanted for wanted in self.must_contain if wanted not in text]:
            return Refused("missing-text", ", ".join(repr(one) for one in missing))
        if unwanted := [one for one in self.must_not_contain if one in text]:
            return Refused("unwanted-text", ", ".join(repr(one) for one in unwanted))
        return None
