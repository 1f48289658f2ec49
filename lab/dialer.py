"""The outbound dialer, as a CRM or a campaign meets it: an API that has calls placed, and the
calls' recordings.

    POST /api/v1/calls    Authorization: Bearer KEY    {"customer": "6100", "agent": "6101"}     202
                          {"id": "..."}
         and soon         the agent is rung, then the customer, and both talk; without an agent: an
                          announcement
    GET  /api/v1/recordings/CALL-ID.wav                                                          200
         audio/wav, or 404

Faults: dialer-refuses answers 503; dialer-dead takes the order and calls nobody; dialer-silent
calls both and connects nobody.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from lab.injected_faults import Faults
from lab.pbx import routing
from lab.pbx.switchboard import Switchboard
from lab.site import Site, without_key


class Dialer(Site):
    """One dialer on one exchange."""

    def __init__(self, faults: Faults, exchange: Switchboard, recordings: Path, key: str) -> None:
        super().__init__(faults)
        self._exchange, self._recordings, self._key = exchange, recordings, key

    @property
    def url(self) -> str:
        """The API."""
        return f"{self.root}/api/v1"

    async def open(self, host: str) -> None:
        """Raises OSError."""
        application = web.Application(middlewares=[self._gate])
        application.router.add_post("/api/v1/calls", self._call)
        application.router.add_get("/api/v1/recordings/{name}", self._recording)
        await self.serve(application, host)

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return without_key(request, self._key) or await handler(request)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        if self.faults.broken("dialer-refuses"):
            return web.json_response({"error": "no dialer is running"}, status=503)
        try:
            order = json.loads(await request.text())
            customer, agent = str(order["customer"]), str(order.get("agent", ""))
        except (ValueError, TypeError, KeyError, AttributeError):
            return web.json_response({"error": "an order names its customer"}, status=400)
        if not self.faults.broken("dialer-dead"):
            self._exchange.start(routing.originate(self._exchange, agent, customer))
        return web.json_response({"id": secrets.token_hex(6)}, status=202)

    async def _recording(self, request: web.Request) -> web.StreamResponse:
        # Quoted as the recorder quotes a Call-ID: no name leads out of the folder.
        path = self._recordings / quote(request.match_info["name"], safe="")
        if path.suffix != ".wav" or not path.is_file():
            return web.json_response({"error": "no such recording"}, status=404)
        return web.Response(body=path.read_bytes(), content_type="audio/wav")
