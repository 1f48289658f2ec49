"""A certificate of a private authority: Chromium takes none for a single page alone, so Python
checks it just before.

Then the browser takes any: chain, name and dates have been proven on the same address (RFC 5280,
RFC 9110 4.3.4).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from checks.transport.connect import opened
from checks.transport.faults import far_faults
from checks.transport.tls import trusting

# RFC 9110 section 4.2.2 and RFC 6455 section 3 give both schemes the same port.
_PORTS = {"https": 443, "wss": 443}


async def prove_certificate(url: str, authorities: str) -> None:
    """By a PEM file of authorities, or without one by the system's.

    Raises Failed, CannotTell; nothing for a URL without TLS.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        return
    context = trusting(Path(authorities) if authorities else None, browsers=True)
    plain = await opened(parts.hostname, parts.port or _PORTS[parts.scheme])
    with far_faults():
        _, writer = await asyncio.open_connection(
            sock=plain, ssl=context, server_hostname=parts.hostname
        )
    # No close_notify is awaited: the handshake has proven what it should, and a server that closes
    # slowly would count as a slow page.
    writer.transport.abort()
