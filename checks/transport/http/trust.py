"""How long the certificates of a connection are still valid: a chain is as old as its oldest link.

Of the verified chain each link counts, the authority's own too: when the first of them ends, every
client refuses the connection (RFC 5280 section 6.1.3), however long the others go on.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from typing import Any

_SECONDS_A_DAY = 86400.0
Certificate = Mapping[str, Any]
"""as `SSLSocket.getpeercert()` has it"""


def days_left(secured: ssl.SSLObject, now: float) -> float | None:
    """How many days the chain of a connection is valid after `now` (seconds since 1970)."""
    links = tuple(_links(secured, "get_verified_chain"))
    if not links:
        return None
    # The same chain is decoded once and not every minute; a renewed one has other links.
    known = _ends.get(links)
    if known is None:
        known = min(ends_at(link.get_info()) for link in links)
        # A far end that shows another certificate each time (a test authority, an attack) fills no
        # memory.
        if len(_ends) >= 64:
            _ends.clear()
        _ends[links] = known
    return (known - now) / _SECONDS_A_DAY


def chain(secured: ssl.SSLObject, verified: bool = True) -> list[Certificate]:
    """The certificates of a connection, the far end's own first: those by which it was trusted, or
    those that were sent.
    """
    asked = "get_verified_chain" if verified else "get_unverified_chain"
    return [link.get_info() for link in _links(secured, asked)]


def ends_at(certificate: Certificate) -> float:
    """When a certificate ends, in seconds since 1970."""
    return float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))


def begins_at(certificate: Certificate) -> float:
    """When it begins, likewise."""
    return float(ssl.cert_time_to_seconds(str(certificate["notBefore"])))


def _links(secured: ssl.SSLObject, asked: str) -> Sequence[Any]:
    # Public since Python 3.13, and then as bytes; before, the object underneath has it, as objects
    # that are compared by their content.
    return getattr(secured._sslobj, asked)() or ()  # type: ignore[attr-defined]


_ends: dict[tuple[Any, ...], float] = {}
