"""What changes, told to open pages as it happens (server-sent events): that something did, and
never what. They fetch what they show.

Rule: a page says when it was made. What has changed between that and its beginning to listen, or
while its connection was broken, it is told at once.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime

from aiohttp import web

from monitor.clock import Clock
from monitor.page.ledger_reader import LedgerReader, Unavailable

# A wall of displays; whoever comes later asks once a minute.
_MOST_LISTENERS = 64
_ASK_SECONDS, _APART_SECONDS, _SIGN_SECONDS = 1.0, 3.0, 20.0


class Changes:
    """Who listens, and the one who looks for changes for all of them."""

    def __init__(self, reader: LedgerReader, clock: Clock) -> None:
        self._reader, self._clock, self._listening = reader, clock, set[asyncio.Event]()
        self._changed_at = clock.now()
        self._over = False

    async def watch(self) -> None:
        """Look for changes until it is cancelled."""
        before = -1
        while True:
            with suppress(Unavailable):
                seen = await self._reader.ask(lambda ledger: ledger.changes_seen())
                if seen != before:
                    before = seen
                    self._wake()
                    # A busy site changes all the time, and nobody reads that fast.
                    await asyncio.sleep(_APART_SECONDS)
            await asyncio.sleep(_ASK_SECONDS)

    def end(self) -> None:
        """Let go of all who listen."""
        self._over = True
        self._wake()

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """Tell somebody of changes until he goes. Raises HTTPServiceUnavailable."""
        if len(self._listening) >= _MOST_LISTENERS:
            raise web.HTTPServiceUnavailable(text="Too many listen already.")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        changed = asyncio.Event()
        if self._is_old(request.query.get("made", "")):
            changed.set()
        self._listening.add(changed)
        try:
            await response.prepare(request)
            await response.write(b"retry: 5000\n\n")
            await self._tell(response, changed)
        except ConnectionError:
            return response
        finally:
            self._listening.discard(changed)
        return response

    async def _tell(self, response: web.StreamResponse, changed: asyncio.Event) -> None:
        while not self._over:
            try:
                async with asyncio.timeout(_SIGN_SECONDS):
                    await changed.wait()
            except TimeoutError:
                # A comment: a proxy hangs up on a connection that says nothing.
                await response.write(b":\n\n")
                continue
            changed.clear()
            await response.write(b"event: changed\ndata: 1\n\n")

    def _is_old(self, made: str) -> bool:
        try:
            return datetime.fromisoformat(made) <= self._changed_at
        except (ValueError, TypeError):
            # A program that only listens says nothing of the kind.
            return False

    def _wake(self) -> None:
        self._changed_at = self._clock.now()
        for one in self._listening:
            one.set()
