"""One page over HTTP, phase by phase: what `portal` fetches with. The only importer of aiohttp's client.

It is imported when the first page is fetched: a daemon that only telephones does without its memory.
"""

from __future__ import annotations

import errno
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from checks.contract import CannotTell, Refused, Trace

_MOST_REDIRECTS = 10
_OUR_OWN = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
"""what only this host can be blamed for"""
_CONNECT_CODES = {errno.ECONNREFUSED: "refused"}
_SECONDS_A_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Page:
    """What came. `body` is no longer than was asked for."""

    content_type: str
    text: str
    body: bytes


async def fetch(
    url: str,
    trace: Trace,
    looked_at: Callable[[Page], None],
    *,
    expect_status: int,
    follow_redirects: bool,
    max_bytes: int,
    trusted: Path | None,
) -> None:
    """Fetch a page, with its phases as stages; `looked_at` may refuse what came. Raises Refused and CannotTell."""
    with Phases(trace) as phases, _far_faults():
        context = _context(trusted, lambda: phases.enter("tls"))
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, use_dns_cache=False),
            timeout=aiohttp.ClientTimeout(total=None),
            trace_configs=[phases.signals()],
            headers={"User-Agent": "Reveille"},
            auto_decompress=True,
        ) as session:
            get = session.get(url, allow_redirects=follow_redirects, max_redirects=_MOST_REDIRECTS)
            async with get as response:
                trace.measure("first_byte_seconds", trace.elapsed())
                _certificate(context, trace)
                _status(response, expect_status, trace)
                phases.enter("content")
                body = await _bounded(response, max_bytes)
                trace.measure("body_bytes", len(body))
                looked_at(Page(response.content_type, _decoded(body, response.charset), body))
                phases.leave()


def _status(response: aiohttp.ClientResponse, expected: int, trace: Trace) -> None:
    trace.measure("http_status", response.status)
    trace.note(f"{response.status} {response.reason} from {response.url.origin()}")
    if response.status != expected:
        raise Refused(f"http:{response.status}", response.reason or "")


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
    """Tells when a handshake begins, and reads whom to trust only then: plain http does without (some 20 ms, 2 MB)."""

    begins: Callable[[], None]
    trusted: Path | None = None
    latest: ssl.SSLObject | None = None

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        self.begins()
        if self.trusted:
            self.load_verify_locations(self.trusted)
        else:
            self.load_default_certs()
        self.latest = super().wrap_bio(*arguments, **options)
        return self.latest


def _context(trusted: Path | None, begins: Callable[[], None]) -> _Context:
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.begins, context.trusted = begins, trusted
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
