"""The world beyond the centre's uplink: two web servers and a name server, each alone on its port.

Fault: uplink-down, and nothing out there answers (nor do the centre's own portals and API, which
visitors reach by it).
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from lab.injected_faults import Faults
from lab.site import Site

# RFC 1035 section 4.1.1: QR, and RCODE 3 (no such name). Any answer proves that the server is
# there.
_REFUSED_QUESTION = 0x8003


class Far(Site):
    """A web server out there."""

    async def open(self, host: str) -> None:
        """Raises OSError."""
        application = web.Application()
        application.router.add_get("/generate_204", self._nothing)
        await self.serve(application, host)

    async def _nothing(self, _request: web.Request) -> web.StreamResponse:
        await self.reachable()
        return web.Response(status=204)


class _Names(asyncio.DatagramProtocol):
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        # After the one question: 12 bytes of header, a name that ends with 0, type and class.
        end = data.find(0, 12) + 5
        if end > 12 and not self._faults.broken("uplink-down"):
            # The question's own number, and its RD bit, come back (RFC 1035 section 4.1.1).
            header = (
                data[:2]
                + (_REFUSED_QUESTION | data[2] << 8 & 0x100).to_bytes(2, "big")
                + b"\0\1"
                + bytes(6)
            )
            self._transport.sendto(header + data[12:end], address)


class World:
    """Everything beyond the uplink that a check looks at."""

    def __init__(self, faults: Faults) -> None:
        self._faults, self._far = faults, (Far(faults), Far(faults))
        self._names: asyncio.DatagramTransport | None = None

    @property
    def pages(self) -> tuple[str, ...]:
        """Where the web servers are."""
        return tuple(f"{far.root}/generate_204" for far in self._far)

    @property
    def name_server(self) -> str:
        """host:port"""
        assert self._names is not None  # noqa: S101 - for the type checker
        return "{}:{}".format(*self._names.get_extra_info("sockname"))

    async def open(self, host: str) -> None:
        """Raises OSError."""
        for far in self._far:
            await far.open(host)
        loop = asyncio.get_running_loop()
        self._names, _ = await loop.create_datagram_endpoint(
            lambda: _Names(self._faults), local_addr=(host, 0)
        )

    async def close(self) -> None:
        """Close the web servers and the name server."""
        if self._names:
            self._names.close()
        for far in self._far:
            await far.close()
