"""A helpdesk's REST API as a desk talks to it: one request, one answer in JSON, over the checks'
own HTTP client.

    POST /api/v1/tickets {...}   <- 2xx: the answer
                                 <- 401: the account; later, for all letters; 403: a right; later
                                 <- 408, 425, 429, 5xx: later (429, 502, 503, 504 for all letters)
                                 <- 409, 412, 423: somebody else was quicker: later
                                 <- 400, 404, 413, 422 and the like: never
    no connection, no TLS                later, for all letters
    broken off, or too slow, after the request went out: later; nobody knows whether it was taken,
    so whoever asks again looks first whether it was

Rules: nothing is asked twice here; no redirect is followed, since it would take the account along;
what comes is bounded in size and time, and is data.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import tempfile
import time
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlencode

from checks import masking
from checks.contract import CannotTell, Failed, Trace
from checks.transport.http.address import Address
from checks.transport.http.client import Manner, fetch
from checks.transport.http.message import Answer, Headers, Limits, Request, shown
from checks.transport.http.phases import Phases
from monitor.desks.desk import Never, TryLater
from monitor.desks.evidence_files import EvidenceFile

# A page of a hundred tickets with their texts is some 300 kB at the desks tried.
_LIMITS = Limits(body_bytes=2_000_000)
_ACCOUNT = 401
# A right may be missing on one ticket alone: somebody has moved it.
_RIGHTS = 403
_LATER = frozenset({408, 409, 412, 423, 425, 429, 500, 501, 502, 503, 504})
# These speak of the server, the others of this request.
_WHOLE_DESK = frozenset({429, 502, 503, 504})
_AFTER_THE_REQUEST = frozenset({"response", "content"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came: status, and the body as JSON; None where there is none."""

    status: int
    json: Any
    text: str
    answer: Answer


class Rest:
    """One API: where it is, and what every request of it says."""

    def __init__(
        self, url: str, *, trusted: Path | None, timeout_seconds: float, headers: Headers = ()
    ) -> None:
        """`headers` go with each request, to this origin only."""
        self.url = url.rstrip("/")
        self._trusted, self._timeout = trusted, timeout_seconds
        self._headers = headers

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str | int] | None = None,
        private: Headers = (),
        headers: Headers = (),
        taken: Collection[int] = (),
        kind: str = "application/json",
    ) -> Reply:
        """Ask once. `taken` are statuses that the caller understands beside 2xx; `private` headers
        carry the account; `kind` is the media type of the body. Raises TryLater, Never.
        """
        written = b"" if body is None else encoded(body)
        typed: Headers = (("Content-Type", kind),) if written else ()
        target = f"{self.url}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        request = Request(
            method,
            Address.parse(target),
            (("Accept", "application/json"), *typed, *self._headers, *headers),
            written,
            private,
        )
        answer = await self._answer(request)
        if not (200 <= answer.status < 300 or answer.status in taken):
            raise refusal(answer.status, f"{method} {_place(request)}: {_said(answer)}")
        return Reply(answer.status, _json(answer), answer.text, answer)

    async def _answer(self, request: Request) -> Answer:
        trace = Trace(time.monotonic, lambda: Path(tempfile.gettempdir()))
        phases = Phases(trace)
        manner = Manner(_LIMITS, self._trusted, http2=False, follow=False, programs=True, now=0.0)
        try:
            async with asyncio.timeout(self._timeout):
                return await fetch(request, phases, manner, lambda _: True)
        except CannotTell as own:
            raise TryLater(f"{_place(request)}: {own}", whole_desk=True) from None
        except Failed as failed:
            early = phases.under_way not in _AFTER_THE_REQUEST
            raise TryLater(
                f"{_place(request)}: {phases.under_way or 'connect'}: {failed}", whole_desk=early
            ) from None
        except TimeoutError:
            raise TryLater(
                f"{_place(request)}: no answer within {self._timeout:g} s", whole_desk=True
            ) from None
        except (OSError, ssl.SSLError) as broken:
            raise TryLater(f"{_place(request)}: {type(broken).__name__}") from None


def refusal(status: int, said: str) -> TryLater | Never:
    """What a status that is no success means for a letter."""
    if status in (_ACCOUNT, _RIGHTS):
        return TryLater(
            f"{said} (the account, or its rights)",
            whole_desk=status == _ACCOUNT,
            answered=status == _RIGHTS,
        )
    if 300 <= status < 400:
        return TryLater(f"{said} (it leads elsewhere: is the url right?)", whole_desk=True)
    if status in _LATER or status >= 500:
        return TryLater(said, whole_desk=status in _WHOLE_DESK, answered=status not in _WHOLE_DESK)
    return Never(said)


def basic(user: str, password: str) -> str:
    """An Authorization header of RFC 7617; the coded password is hidden from every text too."""
    coded = b64encode(f"{user}:{password}".encode()).decode()
    masking.hide(coded)
    return f"Basic {coded}"


def multipart(
    fields: Mapping[str, str], files: Iterable[tuple[str, EvidenceFile]]
) -> tuple[bytes, str]:
    """A form with files (RFC 7578), and its media type."""
    boundary = f"reveille-{token_hex(16)}"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, one in files:
        # As browsers escape a name (RFC 7578 section 2 and WHATWG's multipart/form-data).
        called = one.name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{called}"'
        parts += [
            f"{head}\r\nContent-Type: {one.media_type}\r\n\r\n".encode(),
            one.content,
            b"\r\n",
        ]
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


def encoded(body: object) -> bytes:
    """A body as JSON; bytes as they are."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _json(answer: Answer) -> Any:
    if not answer.body.strip():
        return None
    try:
        return json.loads(answer.body)
    # A list nested deeper than Python's stack is no answer of a helpdesk either.
    except (ValueError, RecursionError):
        return None


def _place(request: Request) -> str:
    """Where it was asked, without the query: that may be long, and says nothing new."""
    return f"{request.address.authority}{request.address.target.partition('?')[0]}"


def _said(answer: Answer) -> str:
    return shown(f"{answer.status} {answer.head.reason} {answer.text}".strip(), 300)
