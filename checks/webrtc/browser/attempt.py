"""One call by the shared browser, from the daemon's side: the conversation of Attempt, held by
another softphone.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, ClassVar, Self

from checks.contract import CannotTell
from checks.telephony.call.evidence import counts_of
from checks.web.browser.shared_browser import START_SECONDS, SharedBrowser, open_job
from checks.web.browsing import revealed
from checks.webrtc.attempt import Attempt
from checks.webrtc.browser.settings import MEASURES, BrowserCall
from checks.webrtc.engine import Softphone

# Beside the order's own time: the browser closes its page, and may be slow.
_GONE_SECONDS = 25.0


class BrowserPhone(Softphone):
    """A softphone in the shared browser: its process is not its own, its socket is."""

    @classmethod
    async def start(
        cls,
        command: tuple[str, ...] = (),
        log: Path | None = None,  # noqa: ARG003 - as a Phone's
    ) -> Self:
        """`command` is the browser alone. Raises CannotTell."""
        shared_browser, (reader, writer) = await open_job("softphone", command[0])
        phone = cls(shared_browser.child, reader, writer)
        phone.shared_browser = shared_browser
        return phone

    shared_browser: SharedBrowser

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """The end of the socket is the end of this softphone, not of the process."""
        try:
            while line := await reader.readline():
                self._take(json.loads(line))
        except (ValueError, ConnectionError) as problem:
            self._broken = f"the browser's process spoke nonsense: {problem}"
        if self._broken is None and self.seen("closed") is None:
            self._broken = "the browser's process ended early"
        self._news.set()

    async def _gone(self, within: float) -> None:
        async with asyncio.timeout(within + _GONE_SECONDS):
            # The process of the browser lives on for other checks: only the socket ends.
            await asyncio.wait({self._reading})

    async def _let_go(self) -> None:
        """Keep the process: it belongs to all softphones of the browser."""

    async def _put_down(self) -> None:
        self.shared_browser.put_down()
        await asyncio.wait({self._reading}, timeout=_GONE_SECONDS)


class BrowserAttempt(Attempt):
    """One call of a webrtc-browser check."""

    READY_SECONDS: ClassVar[float] = START_SECONDS
    _check: BrowserCall

    @property
    def _keys(self) -> str:
        return self._check.keys

    async def _started(self) -> Softphone:
        return await BrowserPhone.start((self._check.program(),))

    def _order(self) -> dict[str, Any]:
        check = self._check
        caller = check.caller
        # A secret that is missing ends the attempt before the browser is opened.
        if caller and caller.password is None:
            raise CannotTell("the caller has no password")
        account = {
            "user": caller.user,
            "login": caller.login or caller.user,
            "password": revealed(caller.password),
        } if caller else None  # fmt: skip
        extra = {
            "caller": account,
            "ring_within": check.ring_within,
            "reconnect": check.reconnect,
            "keys": check.keys,
        }
        return {**super()._order(), **extra}

    def _keep(self) -> None:
        super()._keep()
        if "call" in self._legs:
            counts = counts_of(self._legs["call"])
            for name in MEASURES:
                if counts.get(name) is not None:
                    self._trace.measure(name, counts[name])
