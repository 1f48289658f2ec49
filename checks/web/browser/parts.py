"""The stages of a job in the browser, and what its complaints mean of the far end. Only in the
browser's process.

net::ERR_…                                       code
NAME_NOT_RESOLVED                                dns
CONNECTION_REFUSED, ADDRESS_UNREACHABLE …        refused, unreachable
CERT_…                                           certificate
SSL_…, BAD_SSL_…                                 tls
CONNECTION_RESET, CONNECTION_CLOSED, EMPTY_…     closed
TOO_MANY_REDIRECTS                               redirects
TIMED_OUT                                        timeout
any other                                        bad-peer
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from playwright.async_api import Error

from checks.contract import CannotTell, Failed
from checks.transport.faults import far_faults
from checks.transport.stages import Tell

_MEANINGS = (
    (r"NAME_NOT_RESOLVED", "dns"),
    (r"CONNECTION_REFUSED", "refused"),
    (r"ADDRESS_UNREACHABLE|INTERNET_DISCONNECTED|CONNECTION_FAILED", "unreachable"),
    (r"CERT_COMMON_NAME_INVALID", "wrong-name"),
    (r"CERT_AUTHORITY_INVALID|CERT_SELF_SIGNED_LOCAL_NETWORK", "untrusted"),
    (r"CERT_REVOKED", "revoked"),
    (r"CERT_WEAK_KEY|CERT_WEAK_SIGNATURE_ALGORITHM", "weak-key"),
    (r"CERT_\w+", "certificate"),  # its dates too: expired and not yet valid are one to Chromium
    (r"SSL_VERSION_OR_CIPHER_MISMATCH|SSL_OBSOLETE_VERSION\w*", "weak-protocol"),
    (r"(BAD_)?SSL_\w+", "tls"),
    (r"CONNECTION_RESET|CONNECTION_CLOSED|CONNECTION_ABORTED|EMPTY_RESPONSE", "closed"),
    (r"TOO_MANY_REDIRECTS", "redirects"),
    (r"TIMED_OUT|CONNECTION_TIMED_OUT", "timeout"),
)
# This host's own, in Chromium's words (net/base/net_error_list.h): no descriptor or memory, no
# local port, forbidden, no resolver, an interface that comes or goes; as OWN in
# checks/transport/faults.py. And a port that Chromium never goes to, whoever listens there.
_OWN = (
    r"INSUFFICIENT_RESOURCES|OUT_OF_MEMORY|ADDRESS_INVALID|ADDRESS_IN_USE|NETWORK_\w+|ACCESS_DENIED"
    r"|NAME_RESOLUTION_FAILED|DNS_\w+|UNSAFE_PORT"
)
# Playwright has no error classes for these; they are the words of its driver for a page or a
# browser that was lost.
_GONE = (
    "Target page, context or browser has been closed",
    "Target closed",
    "Target crashed",
    "Page crashed",
)


class FailedStage(Exception):
    """A stage has failed with this fault."""

    def __init__(self, stage: str, fault: Failed) -> None:
        super().__init__(stage)
        self.stage, self.fault = stage, fault


class Parts:
    """Tells the stages as they come."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    @asynccontextmanager
    async def part(self, name: str, within: float, late: str = "") -> AsyncIterator[dict[str, Any]]:
        """One stage. Raises FailedStage; CannotTell for what is our own. `late` says what did not
        come in time.
        """
        self._tell("began", stage=name)
        began, facts = time.monotonic(), dict[str, Any]()
        try:
            with far_faults(), page_faults():
                async with asyncio.timeout(within):
                    yield facts
        except TimeoutError:
            raise FailedStage(
                name, Failed("timeout", late or f"nothing within {within:g} s")
            ) from None
        except Failed as refused:
            raise FailedStage(name, refused) from None
        self._tell("passed", stage=name, seconds=time.monotonic() - began, **facts)


@contextmanager
def page_faults() -> Iterator[None]:
    """Turns what Playwright raises into what it means of the far end, in the stage under way."""
    try:
        yield
    except Error as problem:
        raise meaning(problem) from None


def meaning(problem: Error) -> Failed | CannotTell | TimeoutError:
    """What a complaint says: of the far end, of the browser itself, or of the time."""
    text = problem.message.strip()
    first = text.splitlines()[0] if text else type(problem).__name__
    if problem.name == "TimeoutError" or re.search(r"Timeout \d+ms exceeded", first):
        return TimeoutError()
    if any(sign in text for sign in _GONE):
        return CannotTell(f"the browser lost the page: {first[:200]}")
    # The name of the error stands in the middle of a sentence, as in "page.goto:
    # net::ERR_CONNECTION_REFUSED at https://...".
    found = re.search(r"net::ERR_([A-Z0-9_]+)", text)
    return (
        CannotTell(f"the browser failed: {first[:200]}") if found is None else of_network(found[1])
    )


def of_network(error: str) -> Failed | CannotTell:
    """A network error by Chromium's name of it, without "ERR_"."""
    if re.fullmatch(_OWN, error):
        return CannotTell(
            f"this host's network: the browser says {error.lower().replace('_', ' ')}"
        )
    code = next((code for pattern, code in _MEANINGS if re.fullmatch(pattern, error)), "bad-peer")
    return Failed(code, f"the browser says {error.lower().replace('_', ' ')}")
