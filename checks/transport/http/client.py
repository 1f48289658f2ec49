"""A request from its name to the last byte of its answer, phase by phase, over a new connection;
redirects are ours.

    dns       portal.example.net -> 192.0.2.10    faults: dns
    connect   TCP, addresses in turn              faults: refused, unreachable, timeout
    tls       certificate, name, ALPN             faults: those of a certificate, no-tls, tls
                                                          (transport/tls.py)
    response  > GET /login                        faults: http:503, closed, bad-peer, reset,
              < 200 OK                                    goaway, header-too-large, redirects
    content   the body                            faults: broken-off, too-large, bad-encoding,
                                                          bad-peer

Rules: a redirect to another origin takes no private header along, and no body; one that leads where
the request has been already, with nothing new to say, is a circle. The caller times it out.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from checks.contract import Failed
from checks.transport.connect import connect, literal, resolve
from checks.transport.http import http1
from checks.transport.http.address import Address
from checks.transport.http.connection import Wire
from checks.transport.http.content_coding import OFFERED, Body
from checks.transport.http.message import (
    Answer,
    AskAgain,
    Head,
    Headers,
    Limits,
    Request,
    shown,
)
from checks.transport.http.phases import Phases
from checks.transport.http.redirects import location_of, onward, refresh_of, target_of
from checks.transport.http.trust import days_left
from checks.transport.tls import old_cipher, trusting
from checks.transport.turns import MUCH_BYTES, own_turn

_OURS: Headers = (("User-Agent", "Reveille"), ("Accept", "*/*"), ("Accept-Encoding", OFFERED))
# The error page is kept for the ticket: the reason of a 503 stands in its first lines, and stack
# traces of application servers run to some 30 kB.
_KEPT_OF_A_FAULT = 65_536
# The status has decided already; a broken server that then trickles its error page must not hold
# the attempt until its own time limit and turn http:503 into timeout.
_PATIENCE_WITH_A_FAULT_SECONDS = 2.0
# A server that refuses a stream while it drains takes the next one, as curl and Chromium know.
_MOST_REFUSALS = 3

Exchange = Callable[[Wire, Request, Limits, Callable[[Head], Body | None]], Awaitable[None]]


class Jar(Protocol):
    """Where cookies are kept."""

    def header(self, address: Address) -> str:
        """The Cookie header for a request; empty when there is none."""

    def take(self, address: Address, set_cookies: list[str]) -> bool:
        """Keep what an answer sets; says whether that changed anything."""


class FailedStatus(Failed):
    """A status that is not right, with as much of its page as could be had."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"http:{answer.status}", answer.head.reason)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Manner:
    """How requests are made; the same for every one of a journey."""

    limits: Limits = field(default_factory=Limits)
    trusted: Path | None = None
    http2: bool = True
    follow: bool = True
    programs: bool = False
    """whether programs read what is asked for, and not browsers: then what browsers forgive is a
    warning, and no page leads elsewhere by itself
    """
    now: float = 0.0
    """seconds since 1970 when the attempt began: certificates are counted from then"""


async def fetch(
    request: Request,
    phases: Phases,
    manner: Manner,
    right: Callable[[int], bool],
    jar: Jar | None = None,
) -> Answer:
    """Make a request, following redirects; leaves the last phase under way, so that what looks at
    the page can break it. `right` says which status is. Raises Failed, FailedStatus for a status
    that is not right, CannotTell.
    """
    been = set[tuple[str, str]]()
    redirects = 0
    while True:
        been.add((request.method, str(request.address)))
        once, answer = await _asked(request, phases, manner, right, jar)
        if once.leads_to is None:
            # Whoever asked works on it now.
            if len(answer.body) > MUCH_BYTES:
                await own_turn()
            return answer
        # A login answers 302 to the very page that has just sent the browser to the login: with the
        # new session cookie the same request means something else, and is no circle.
        if once.cookies_changed:
            been.clear()
        redirects += 1
        phases.note(f"{answer.status} to {shown(once.location)}")
        request = onward(request, answer, once.leads_to)
        # RFC 9110 section 15.4 asks a client to detect cyclical redirections; a portal whose
        # session store is down sends login and start page to each other for ever.
        if (request.method, str(request.address)) in been:
            raise Failed("redirects", f"in a circle, to {shown(once.location)} again")
        if redirects > manner.limits.redirects:
            raise Failed("redirects", f"more than {manner.limits.redirects}")


async def _asked(
    request: Request,
    phases: Phases,
    manner: Manner,
    right: Callable[[int], bool],
    jar: Jar | None,
) -> tuple[_Once, Answer]:
    """Ask, and once more where the server says that it has not looked at the request."""
    for attempt in range(_MOST_REFUSALS):
        once = _Once(request, phases, manner, right, jar)
        try:
            return once, await once.run()
        except FailedStatus as failed:
            # RFC 9110 section 15.5.20: a client may ask again over another connection, as browsers
            # do, once.
            if attempt or failed.answer.status != 421:
                raise
            phases.note("asked again: 421, a server that is not the one for this name")
        except AskAgain as again:
            phases.note(f"asked again{' by HTTP/1.1' if again.by_http1 else ''}: {again.why}")
            manner = replace(manner, http2=manner.http2 and not again.by_http1)
            refused = Failed(again.code, again.why)
    raise refused


class _Once:
    """One request over one connection."""

    def __init__(
        self,
        request: Request,
        phases: Phases,
        manner: Manner,
        right: Callable[[int], bool],
        jar: Jar | None,
    ) -> None:
        self._request, self._phases, self._manner = request, phases, manner
        self._right, self._jar = right, jar
        self._patience = asyncio.timeout(None)
        self._head: Head | None = None
        self._body: Body | None = None
        self._wrong = False
        self.location, self.cookies_changed = "", False
        self.leads_to: Address | None = None

    async def run(self) -> Answer:
        """Make the request. Raises Failed, FailedStatus, CannotTell."""
        request, limits = self._with_cookies(), self._manner.limits
        with Wire(await self._connected()) as wire:
            http2 = request.address.secure and await self._secured(wire)
            self._phases.enter("response")
            exchange = _http2() if http2 else http1.exchange
            try:
                async with self._patience:
                    await exchange(wire, request, limits, self._headed)
            # After a wrong status, what breaks its page is of no interest: the status is the fault.
            except (Failed, TimeoutError):
                if not self._wrong:
                    raise
        return self._answer()

    async def _connected(self) -> socket.socket:
        address = self._request.address
        if address.literal:
            self._phases.enter("connect")
            return await connect(literal(address.host, address.port))
        self._phases.enter("dns")
        places = await resolve(address.host, address.port)
        self._phases.enter("connect")
        return await connect(places)

    async def _secured(self, wire: Wire) -> bool:
        """Whether HTTP/2 was agreed on."""
        self._phases.enter("tls")
        # RFC 9113 section 3.2: HTTP/2 over TLS is agreed on by ALPN, never assumed.
        offered = ("h2", "http/1.1") if self._manner.http2 else ("http/1.1",)
        context = trusting(self._manner.trusted, alpn=offered, browsers=not self._manner.programs)
        await wire.secure(context, self._request.address.host)
        if (secured := wire.secured) is None:
            return False
        if old := old_cipher(secured):
            self._forgive(old)
        if (days := days_left(secured, self._manner.now)) is not None:
            self._phases.measure("certificate_days", days)
        return secured.selected_alpn_protocol() == "h2"

    def _with_cookies(self) -> Request:
        request = self._request
        given = {name.lower() for name, _ in request.headers}
        headers: Headers = (
            *request.headers,
            *(one for one in _OURS if one[0].lower() not in given),
        )
        if self._jar and (cookies := self._jar.header(request.address)):
            headers = (*headers, ("Cookie", cookies))
        return Request(request.method, request.address, headers, request.body, request.private)

    def _headed(self, head: Head) -> Body | None:
        """The header is there: what is to become of the rest."""
        self._head, phases = head, self._phases
        if head.forgiven:
            self._forgive(head.forgiven)
        phases.measure("first_byte_seconds", phases.elapsed())
        phases.measure("http_status", head.status)
        if self._jar and (cookies := head.all("set-cookie")):
            self.cookies_changed = self._jar.take(self._request.address, cookies)
        # A redirect without Location is an ordinary answer, and its status is judged like any
        # other.
        if self._manner.follow and (location := location_of(head)):
            self.location = location
            self.leads_to = target_of(self._request.address, location)
            return None
        # RFC 9110 section 5.3: two lines of one name are one list.
        codings = ", ".join(head.all("content-encoding"))
        if not self._right(head.status):
            self._wrong = True
            self._patience.reschedule(
                asyncio.get_running_loop().time() + _PATIENCE_WITH_A_FAULT_SECONDS
            )
            self._body = Body(codings, min(self._manner.limits.body_bytes, _KEPT_OF_A_FAULT))
            return self._body
        phases.enter("content")
        self._body = Body(codings, self._manner.limits.body_bytes)
        return self._body

    def _forgive(self, what: str) -> None:
        """Tell of what browsers forgive: as a warning where programs are the clients."""
        if self._manner.programs:
            self._phases.warning(f"strict clients refuse this answer: {what}")
        else:
            self._phases.note(f"warning: browsers forgive what strict clients refuse: {what}")

    def _answer(self) -> Answer:
        head, body = self._head, self._body
        assert head is not None  # noqa: S101 - an exchange without one is a fault
        content = bytes(body.content) if body else b""
        answer = Answer(self._request.address, head, content, bool(body and body.full))
        if self.leads_to is not None:
            return answer
        phases = self._phases
        came = f"{head.status} {head.reason}".rstrip()
        phases.note(f"{came} from {self._request.address.origin}")
        if elsewhere := head.of_http3():
            phases.note(elsewhere)
        if self._wrong:
            raise FailedStatus(answer)
        for what in body.forgiven if body else ():
            self._forgive(what)
        phases.measure("http_version", float(head.version))
        phases.measure("body_bytes", len(content))
        # A portal that suddenly gives megabytes is broken, or is a log file that somebody
        # published: its first part alone would pass the search for a text.
        if body and body.full and not self._manner.limits.cut:
            packed = f", out of {body.came}" if body.came < len(content) else ""
            raise Failed("too-large", f"the page has more than {len(content)} bytes{packed}")
        if body and body.is_packed() and _is_text(head.content_type):
            raise Failed("bad-encoding", "what is said to be text is packed (gzip) still")
        self._refreshed(answer)
        return answer

    def _refreshed(self, answer: Answer) -> None:
        """A page that leads elsewhere by itself leads there, as in a browser."""
        if self._manner.follow and not self._manner.programs:
            self.location = refresh_of(answer) or ""
            if self.location:
                leads_to = target_of(self._request.address, self.location)
                # A dashboard that loads itself anew is no redirect.
                self.leads_to = None if leads_to == self._request.address else leads_to


def _is_text(media_type: str) -> bool:
    return media_type in ("", "application/json", "application/xhtml+xml") or media_type.startswith(
        "text/"
    )


def _http2() -> Exchange:
    """Imported when the first server chooses it: 1.3 MB."""
    from checks.transport.http import http2

    return http2.exchange
