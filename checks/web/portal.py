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
import errno
import ipaddress
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, ClassVar, Self

import aiohttp
from pydantic import AfterValidator, Field
from yarl import URL

from checks.contract import CannotTell, Check, Layer, Refused, Trace
from checks.settings import Duration, ReadableFile

_MOST_REDIRECTS = 10
_OUR_OWN = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
"""what only this host can be blamed for"""
_CONNECT_CODES = {errno.ECONNREFUSED: "refused"}
_SECONDS_A_DAY = 86400.0


def _web_address(written: str) -> str:
    try:
        url = URL(written)
    except ValueError as error:
        raise ValueError(f"{written!r} is not a URL: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"{written!r} is not a URL to fetch; write it like 'https://portal.example.net/login'")
    if url.user or url.password:
        raise ValueError("a URL with a user name or password in it would be seen in reports; leave them out")
    return written


class Portal(Check):
    """Fetches one page and looks at its status and its text."""

    KIND: ClassVar[str] = "portal"
    LAYER: ClassVar[Layer] = Layer.APPLICATION

    url: Annotated[str, AfterValidator(_web_address)]
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
                with Phases(trace) as phases, _far_faults():
                    await self._fetch(trace, phases)
        except TimeoutError:
            raise Refused("timeout", f"not through within {self.within:g} s") from None
        trace.measure("total_seconds", trace.elapsed())

    async def _fetch(self, trace: Trace, phases: Phases) -> None:
        context = _context(self.trusted_certificates, lambda: phases.enter("tls"))
        connector = aiohttp.TCPConnector(ssl=context, use_dns_cache=False)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None),
            trace_configs=[phases.signals()],
            headers={"User-Agent": "Reveille"},
            auto_decompress=True,
        ) as session:
            get = session.get(self.url, allow_redirects=self.follow_redirects, max_redirects=_MOST_REDIRECTS)
            async with get as response:
                trace.measure("first_byte_seconds", trace.elapsed())
                _certificate(context, trace)
                self._status(response, trace)
                phases.enter("content")
                await self._content(response, trace)
                phases.leave()

    def _status(self, response: aiohttp.ClientResponse, trace: Trace) -> None:
        trace.measure("http_status", response.status)
        trace.note(f"{response.status} {response.reason} from {response.url.origin()}")
        if response.status != self.expect_status:
            raise Refused(f"http:{response.status}", response.reason or "")

    async def _content(self, response: aiohttp.ClientResponse, trace: Trace) -> None:
        body = await _bounded(response, self.max_bytes)
        trace.measure("body_bytes", len(body))
        text = _decoded(body, response.charset)
        fault = self._text_fault(text)
        if fault:
            trace.exhibit("page.html", response.content_type, body)
            raise fault

    def _text_fault(self, text: str) -> Refused | None:
        if missing := [wanted for wanted in self.must_contain if wanted not in text]:
            return Refused("missing-text", ", ".join(repr(one) for one in missing))
        if unwanted := [one for one in self.must_not_contain if one in text]:
            return Refused("unwanted-text", ", ".join(repr(one) for one in unwanted))
        return None


class Phases:
    """The stage under way, as the connection goes through it; leaving with an error breaks that stage."""

    def __init__(self, trace: Trace) -> None:
        self._trace, self._stack = trace, ExitStack()
        self._redirected_to: URL | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, where)

    def enter(self, stage: str) -> None:
        """What was under way has passed; this begins."""
        self.leave()
        self._stack.enter_context(self._trace.stage(stage))

    def leave(self) -> None:
        """What was under way has passed."""
        self._stack.close()

    def signals(self) -> aiohttp.TraceConfig:
        """What aiohttp shall tell (TLS begins when the context is asked to wrap the socket: it has no signal)."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._asked)
        config.on_request_redirect.append(self._redirected)
        config.on_connection_create_start.append(self._connects)
        config.on_dns_resolvehost_end.append(self._signal("connect"))
        config.on_connection_create_end.append(self._signal("response"))
        return config

    async def _asked(self, _session: Any, _context: Any, about: aiohttp.TraceRequestStartParams) -> None:
        self._begin(about.url)

    async def _redirected(self, _session: Any, _context: Any, about: aiohttp.TraceRequestRedirectParams) -> None:
        target = about.response.headers.get("Location", "")
        self._trace.note(f"{about.response.status} to {target}")
        with suppress(ValueError):  # a Location that is no URL: aiohttp refuses it next
            self._redirected_to = about.url.join(URL(target))

    async def _connects(self, _session: Any, _context: Any, _about: Any) -> None:
        if self._redirected_to:
            self._begin(self._redirected_to)

    def _begin(self, url: URL) -> None:
        self.enter("connect" if _is_literal(url.host or "") else "dns")

    def _signal(self, stage: str) -> Callable[..., Any]:
        async def signal(_session: Any, _context: Any, _about: Any) -> None:
            self.enter(stage)

        return signal


class _Context(ssl.SSLContext):
    """Tells when a handshake begins."""

    begins: Callable[[], None]
    latest: ssl.SSLObject | None = None

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        self.begins()
        self.latest = super().wrap_bio(*arguments, **options)
        return self.latest


def _context(trusted: Path | None, begins: Callable[[], None]) -> _Context:
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.begins = begins
    if trusted:
        context.load_verify_locations(trusted)
    else:
        context.load_default_certs()
    return context


def _certificate(context: _Context, trace: Trace) -> None:
    """Days left, as counted from when this attempt's own folder was made: a check has no wall clock."""
    if context.latest and (certificate := context.latest.getpeercert()):
        left = ssl.cert_time_to_seconds(str(certificate["notAfter"])) - trace.exhibits_folder.stat().st_mtime
        trace.measure("certificate_days", left / _SECONDS_A_DAY)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _bounded(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(65536):
        body += chunk
        if len(body) >= most:
            break
    return bytes(body[:most])


def _decoded(body: bytes, charset: str | None) -> str:
    try:
        return body.decode(charset or "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


@contextmanager
def _far_faults() -> Iterator[None]:
    """What aiohttp raises, as what it means of the far end."""
    try:
        yield
    except aiohttp.ClientConnectorDNSError as error:
        raise Refused("dns", error.strerror or "the name does not resolve") from error
    except aiohttp.ClientConnectorCertificateError as error:
        inner = error.certificate_error
        raise Refused("certificate", getattr(inner, "verify_message", "") or str(inner)) from error
    except aiohttp.ClientConnectorSSLError as error:
        raise Refused("tls", getattr(error.os_error, "reason", "") or str(error.os_error)) from error
    except aiohttp.ClientOSError as error:
        if error.errno in _OUR_OWN:
            raise CannotTell(f"no socket to be had: {error.strerror}") from error
        raise Refused(_CONNECT_CODES.get(error.errno or 0, "unreachable"), error.strerror or str(error)) from error
    except aiohttp.ServerDisconnectedError as error:
        raise Refused("closed", "the connection was closed before the answer") from error
    except aiohttp.TooManyRedirects as error:
        raise Refused("redirects", f"more than {_MOST_REDIRECTS}") from error
    except aiohttp.ClientPayloadError as error:
        raise Refused("broken-off", "the page ended before its announced end") from error
    except aiohttp.ClientError as error:
        raise Refused("bad-peer", f"{type(error).__name__}") from error
