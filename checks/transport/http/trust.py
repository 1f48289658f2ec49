"""TLS contexts, one per file of authorities, and how long the certificate of a connection is still
valid.

Reading the system's authorities takes some 20 ms and 2 MB, so a context is kept for as long as its
file is unchanged; the certificate is that of the connection, every time.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from checks.contract import CannotTell

_SECONDS_A_DAY = 86400.0


def trusting(trusted: Path | None, http2: bool) -> ssl.SSLContext:
    """Checks certificate and name, TLS 1.2 or newer. Raises CannotTell."""
    try:
        return _trusting(trusted, trusted.stat().st_mtime_ns if trusted else 0, http2)
    except OSError as problem:
        reason = getattr(problem, "reason", None) or problem.strerror or str(problem)
        raise CannotTell(f"the trusted certificates cannot be read: {reason}") from problem


@lru_cache(maxsize=32)
def _trusting(trusted: Path | None, _changed: int, http2: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET  # each certificate is looked at anew
    context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
    if trusted:
        context.load_verify_locations(trusted)
    else:
        context.load_default_certs()
    return context


def days_left(secured: ssl.SSLObject, now: float) -> float | None:
    """How long the certificate of a connection is valid after `now` (seconds since 1970), in days."""
    certificate = secured.getpeercert(True)
    if not certificate:
        return None
    known = _ends.get(certificate)
    if known is None:
        decoded = secured.getpeercert() or {}
        known = float(ssl.cert_time_to_seconds(str(decoded["notAfter"])))
        if len(_ends) >= 64:
            _ends.clear()
        _ends[certificate] = known
    return (known - now) / _SECONDS_A_DAY


_ends: dict[bytes, float] = {}
