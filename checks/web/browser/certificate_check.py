"""A certificate of a private authority: Chromium takes none for a single page alone, so Python
checks it just before.

Then the browser takes any: chain, name and dates have been proven on the same address (RFC 5280,
RFC 9110 4.3.4).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from checks.telephony.sip.transaction import tls_context

_PORTS = {"https": 443, "wss": 443}


async def prove_certificate(url: str, authorities: str) -> None:
    """Raises OSError and ssl.SSLError, as the connection does; nothing for a URL without TLS."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        return
    context = tls_context(Path(authorities))
    _, writer = await asyncio.open_connection(
        parts.hostname, parts.port or _PORTS[parts.scheme], ssl=context
    )
    writer.transport.abort()
