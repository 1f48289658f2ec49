"""How long the certificate of a connection is still valid: that of this connection, every time."""

from __future__ import annotations

import ssl

_SECONDS_A_DAY = 86400.0


def days_left(secured: ssl.SSLObject, now: float) -> float | None:
    """How many days the certificate of a connection is valid after `now` (seconds since 1970)."""
    # By its DER bytes: the same certificate is decoded once and not every minute; a new one has new
    # bytes.
    certificate = secured.getpeercert(True)
    if not certificate:
        return None
    known = _ends.get(certificate)
    if known is None:
        decoded = secured.getpeercert() or {}
        known = float(ssl.cert_time_to_seconds(str(decoded["notAfter"])))
        # A far end that shows another certificate each time (a test authority, an attack) fills no
        # memory.
        if len(_ends) >= 64:
            _ends.clear()
        _ends[certificate] = known
    return (known - now) / _SECONDS_A_DAY


_ends: dict[bytes, float] = {}
