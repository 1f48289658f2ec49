"""A web server of the lab on a port of its own, as portals and services are."""

from __future__ import annotations

import hmac

from aiohttp import web

from lab.injected_faults import Faults


class Site:
    """Serves one application; while the centre's uplink is down it answers nothing."""

    def __init__(self, faults: Faults) -> None:
        self.faults, self.port = faults, 0
        self._runner: web.AppRunner | None = None

    @property
    def root(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, application: web.Application, host: str) -> None:
        """Raises OSError."""
        application.on_response_prepare.append(self._unmarked)
        # Half a second: a request that a fault holds must not hold the end of the lab too.
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, 0).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop serving."""
        if self._runner:
            await self._runner.cleanup()

    async def reachable(self) -> None:
        """To a visitor the wire is dead while the uplink is down; who waited so long is not
        answered any more.
        """
        if self.faults.broken("uplink-down"):
            await self.faults.until("uplink-down", False)
            raise web.HTTPGatewayTimeout

    async def _unmarked(self, _request: web.Request, response: web.StreamResponse) -> None:
        # aiohttp's own header names its version, which a hygiene check would rightly find.
        response.headers["Server"] = "lab"


def without_key(request: web.Request, key: str) -> web.Response | None:
    """401 for a request that does not carry `key` as a bearer token (RFC 6750 section 2.1)."""
    given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    # In constant time, so that the key cannot be guessed byte by byte.
    if hmac.compare_digest(given, f"Bearer {key}".encode()):
        return None
    return web.json_response({"error": "no valid key"}, status=401)
