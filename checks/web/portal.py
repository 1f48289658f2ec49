"""Does a portal answer, soon enough, and with the page that it should? Plain HTTP (RFC 9110): one
GET, or steps.

    dns       portal.example.net -> 192.0.2.10              fault:  dns
    connect   TCP 192.0.2.10:443                            faults: refused, unreachable, timeout
    tls       certificate checked, TLS 1.2 or newer, ALPN   faults: expired, wrong-name, tls, …
    response  > GET /login HTTP/1.1                         faults: http:503, closed, bad-peer,
              < HTTP/1.1 200 OK                                     header-too-large, redirects,
                                                                    reset, goaway
    content   < <title>Agent Portal</title> ... Sign in     faults: missing-text, unwanted-text,
                                                                    soft-200, too-large,
                                                                    broken-off, bad-encoding
    any of them                                             fault:  timeout

With `steps` each step is a stage of its own, and its phases are measures
(`login_response_seconds`); see checks/web/steps/step.py. Its faults are the same, and wrong-page,
no-match, bad-json, json-missing, json-differs, too-small, not-found, not-a-number.

Rules: the stage under way is told by the connection itself, not guessed from the error; of the body
no more than `max_bytes` is read; a page that failed is kept as an exhibit. A redirect makes the
stages begin anew; the measures are those of the last connection, `total_seconds` counts them all.
Every request has a new connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from checks.contract import Check, Failed, Layer, Trace
from checks.kind import Duty
from checks.settings import Duration
from checks.transport.http.address import web_address
from checks.transport.http.message import Answer
from checks.web.steps.step import Step, Walking, checked

# Each step has these for itself, so beside steps they would silently mean nothing.
_OF_ONE_PAGE = ("expect_status", "must_contain", "must_not_contain", "follow_redirects")
# The logout's own 5 s (LOGOUT_SECONDS of the runner), and its connection.
_AFTERWARDS_SECONDS = 6.0


class Portal(Walking, Check):
    """Fetches one page and looks at its status and its text, or walks through several."""

    KIND: ClassVar[str] = "portal"
    LOOKS_ONLY: ClassVar[bool] = True
    ALSO_CALLED: ClassVar[tuple[str, ...]] = ("http", "https", "web", "website", "url")
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "portals"
    SAMPLE: ClassVar[str] = """
[checks.agent-portal]
kind = "portal"
every = "5m"
component = "agent-portal"
url = "https://agent.example.net/"

[checks.admin-portal]
kind = "portal"
every = "5m"
component = "admin-portal"
url = "https://admin.example.net/"

[checks.dashboard-portal]
kind = "portal"
every = "5m"
component = "dashboard-portal"
url = "https://dashboard.example.net/"

[checks.report-portal]
kind = "portal"
every = "5m"
component = "report-portal"
url = "https://report.example.net/"
"""

    url: Annotated[str, AfterValidator(web_address)]
    """the page to fetch; with steps, what their addresses count from"""
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
    steps: tuple[Step, ...] = ()
    """what is done one after the other, cookies and all; instead of the one page"""
    logout: Step | None = None
    """the step at the end that is always made, whatever went wrong before it"""

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        given = [name for name in _OF_ONE_PAGE if name in self.model_fields_set]
        if self.steps and given:
            raise ValueError(f"with steps, {given[0]} belongs into a step")
        if self.logout and not self.steps:
            raise ValueError("a logout comes after steps; there are none")
        if not self.steps and self.secrets:
            raise ValueError("secrets are for steps; there are none")
        checked(self.steps, self.logout, self.secrets)
        return self

    def measures(self) -> Mapping[str, str]:
        """A time for each phase, and what the answer tells."""
        total = {"total_seconds": "everything, in seconds"}
        if self.steps:
            steps = (*self.steps, *([self.logout] if self.logout else ()))
            return {name: said for step in steps for name, said in step.measures().items()} | total
        return {
            "dns_seconds": "name resolution, in seconds; none for a literal address",
            "connect_seconds": "TCP connection, in seconds",
            "tls_seconds": "TLS handshake, in seconds; none for http",
            "response_seconds": "from the request to the end of the answer's header, in seconds",
            "content_seconds": "reading the page, in seconds",
            "first_byte_seconds": "from the beginning to the answer's header, in seconds",
            "http_status": "the answer's status code",
            "http_version": "the version of HTTP that was agreed on: 1.1, 2",
            "body_bytes": "how much of the page was read, in bytes",
            "certificate_days": "how long the certificate is still valid, in days; none for http",
            **total,
        }

    def longest_seconds(self) -> float:
        """The time limit, a logout after it, and a little for the closing."""
        return self.within + (_AFTERWARDS_SECONDS if self.logout else 0.0) + 2.0

    async def probe(self, trace: Trace) -> None:
        """Fetch the page, or walk, once."""
        try:
            if self.steps:
                await self._walk(trace)
            else:
                async with asyncio.timeout(self.within):
                    await self._look(trace)
        except TimeoutError:
            raise Failed("timeout", f"not through within {self.within:g} s") from None
        trace.measure("total_seconds", trace.elapsed())

    async def _walk(self, trace: Trace) -> None:
        from checks.web.steps.step_runner import walk

        async with (
            walk(trace, self.url, self, logout=self.logout) as walker,
            asyncio.timeout(self.within),
        ):
            for step in self.steps:
                await walker.take(step)

    async def _look(self, trace: Trace) -> None:
        from checks.transport.http.address import Address
        from checks.transport.http.client import FailedStatus, Manner, fetch
        from checks.transport.http.message import Limits, Request
        from checks.transport.http.phases import Phases
        from checks.web.steps.variables import Words

        manner = Manner(
            limits=Limits(body_bytes=self.max_bytes),
            trusted=self.trusted_certificates,
            http2=self.http2,
            follow=self.follow_redirects,
            now=trace.began_at,
        )

        def kept(page: Answer) -> None:
            trace.exhibit("page.html", page.head.content_type, page.body)

        private = self.authorization(Words({}))
        request = Request("GET", Address.parse(self.url), private=private)
        with Phases(trace) as phases:
            try:
                page = await fetch(
                    request, phases, manner, lambda status: status == self.expect_status
                )
            except FailedStatus as failed:
                kept(failed.answer)
                raise
            try:
                self._right(page.text)
                self._not_soft(page)
            except Failed:
                kept(page)
                raise
            phases.leave()

    def _right(self, text: str) -> None:
        """Hold the text to what it must and must not contain. Raises Failed."""
        if missing := [wanted for wanted in self.must_contain if wanted not in text]:
            raise Failed("missing-text", ", ".join(repr(one) for one in missing))
        if unwanted := [one for one in self.must_not_contain if one in text]:
            raise Failed("unwanted-text", ", ".join(repr(one) for one in unwanted))

    def _not_soft(self, page: Answer) -> None:
        """Look for a failure that came with a good status. Raises Failed."""
        from checks.web.steps.soft_200 import soft_failure

        if self.soft_200s and (wrong := soft_failure(page)):
            raise Failed("soft-200", wrong)
