"""Whom to ask: a host as it is written in settings, with a port or without."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from checks.telephony.sip.location import Transport

_HOST = re.compile(r"^(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\s]+)(?::(?P<port>\d{1,5}))?$")


@dataclass(frozen=True, slots=True)
class Target:
    """`carrier` is None where nothing is written of it (RFC 3263 section 4.1); `trusted` is a PEM
    file of the authorities to trust on TLS, without it the system's.
    """

    written: str
    """host or host:port, as configured"""
    carrier: Transport | None = None
    trusted: Path | None = None

    @property
    def sane(self) -> bool:
        """Whether it is a host or host:port at all."""
        return _HOST.match(self.written) is not None

    def named(self) -> tuple[str, int | None]:
        """Host and port as written; no port if none is."""
        match = _HOST.match(self.written)
        return (
            (match["host"], int(match["port"]) if match["port"] else None) if match else ("", None)
        )
