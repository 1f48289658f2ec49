"""The centre's CRM, as an integration meets it: an API that wants a key, and a webhook that calls
back.

    GET  /api/v1/customers/C-1042   Authorization: Bearer KEY     200 {"id": "C-1042", "name": ...,
         "tier": "gold", ...}
    POST /api/v1/events             {"kind": "call-finished", "call": "...", "callback":
                                    "http://..."}      202
         and soon                   POST callback {"kind": "call-finished", "call": "...", "status":
                                    "filed"}

Faults: api-down answers 503; api-form-changed sends a text where a number was, and one field less;
webhook-lost never calls back; webhook-wrong calls back with another status.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from lab.injected_faults import Faults
from lab.site import Site, without_key

CUSTOMER = {
    "id": "C-1042",
    "name": "Meera Joshi",
    "tier": "gold",
    "open_cases": 2,
    "phone": "+919800001042",
}
# What those who integrate rely on: the lab writes it beside its records, for the check of the API.
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["id", "name", "tier", "open_cases"],
    "properties": {
        "id": {"type": "string", "pattern": "^C-[0-9]+$"},
        "name": {"type": "string", "minLength": 1},
        "tier": {"enum": ["silver", "gold"]},
        "open_cases": {"type": "integer", "minimum": 0},
    },
}


class Crm(Site):
    """One CRM, on a port of its own."""

    def __init__(self, faults: Faults, key: str) -> None:
        super().__init__(faults)
        self._key = key
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The API."""
        return f"{self.root}/api/v1"

    async def open(self, host: str) -> None:
        """Raises OSError."""
        application = web.Application(middlewares=[self._gate])
        application.router.add_get("/api/v1/customers/{id}", self._customer)
        application.router.add_post("/api/v1/events", self._event)
        await self.serve(application, host)

    async def close(self) -> None:
        """Stop serving and calling back."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await super().close()

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await self.reachable()
        if self.faults.broken("api-down"):
            return web.json_response({"error": "unavailable"}, status=503)
        return without_key(request, self._key) or await handler(request)

    async def _customer(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["id"] != CUSTOMER["id"]:
            return web.json_response({"error": "no such customer"}, status=404)
        told: dict[str, Any] = dict(CUSTOMER)
        if self.faults.broken("api-form-changed"):
            told["open_cases"] = "two"
            del told["tier"]
        return web.json_response(told)

    async def _event(self, request: web.Request) -> web.StreamResponse:
        try:
            event = json.loads(await request.text())
            callback = str(event["callback"])
        except (ValueError, TypeError, KeyError):
            return web.json_response({"error": "an event names its callback"}, status=400)
        if not self.faults.broken("webhook-lost"):
            status = "lost" if self.faults.broken("webhook-wrong") else "filed"
            self._start(
                callback, {"kind": event.get("kind"), "call": event.get("call"), "status": status}
            )
        return web.json_response({"accepted": True}, status=202)

    def _start(self, callback: str, body: dict[str, Any]) -> None:
        task = asyncio.get_running_loop().create_task(_call_back(callback, body))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)


async def _call_back(callback: str, body: dict[str, Any]) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        try:
            async with session.post(callback, json=body) as answer:
                await answer.read()
        # Whoever waited is gone, or named no URL.
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return
