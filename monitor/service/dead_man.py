"""The dead man's switch: a watcher elsewhere is pinged while this monitor can do its work, and
cries when it hears nothing more.

Rules: silence is the alarm. What hinders the monitor (a full disk, nothing looked at) withholds the
ping, and says so. A ping that does not arrive is said once and then each hour, never with its
address: that is all that a stranger needs to keep the watcher quiet.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

from checks.contract import CannotTell, Failed, Trace
from checks.settings import Secret
from checks.transport.http.address import Address
from checks.transport.http.client import Manner, fetch
from checks.transport.http.message import Limits, Request
from checks.transport.http.phases import Phases
from monitor.clock import Clock
from monitor.config.page import DeadMan

log = logging.getLogger(__name__)

# A watcher that answers at all does so within this; the next ping comes anyway.
_WITHIN_SECONDS = 15.0
_SAID_AGAIN = timedelta(hours=1)
# What it answers is "OK": more is not read.
_LIMITS = Limits(body_bytes=20_000, cut=True, redirects=3)


class DeadMansSwitch:
    """Pings one watcher."""

    def __init__(
        self, settings: DeadMan, clock: Clock, hindered: Callable[[], Awaitable[str]]
    ) -> None:
        """`hindered` says why the monitor cannot do its work; "" while it can."""
        self._settings, self._clock, self._hindered = settings, clock, hindered
        self._wrong = ""
        self._said_at: datetime | None = None
        self._next: datetime | None = None
        self.pings = 0
        """that arrived"""

    def due(self) -> bool:
        """Whether it is time for the next ping; once it says so, the one after that is awaited."""
        now = self._clock.now()
        # A clock that was set back must not silence it for as long.
        patience = timedelta(seconds=self._settings.every)
        if self._next is not None and now < self._next <= now + patience:
            return False
        self._next = now + patience
        return True

    async def ping(self) -> None:
        """Tell the watcher that the monitor works, if it does."""
        wrong = await self._hindered() or await self._pinged()
        now = self._clock.now()
        if not wrong:
            self.pings += 1
            if self._wrong:
                log.info("action=dead_man_reached again, after: %s", self._wrong)
            self._wrong, self._said_at = "", None
        elif wrong != self._wrong or self._said_at is None or now - self._said_at >= _SAID_AGAIN:
            log.error("action=dead_man_not_reached %s", wrong)
            self._wrong, self._said_at = wrong, now

    async def _pinged(self) -> str:
        """What kept the ping from arriving; "" where it did."""
        try:
            async with asyncio.timeout(_WITHIN_SECONDS):
                await self._asked()
        except LookupError as missing:
            return str(missing.args[0])
        except Failed as failed:
            return f"the watcher cannot be reached: {failed.code}"
        except TimeoutError:
            return f"the watcher did not answer within {_WITHIN_SECONDS:g} s"
        except (CannotTell, OSError, ValueError) as barred:
            return f"the watcher cannot be asked ({type(barred).__name__})"
        return ""

    async def _asked(self) -> None:
        url = self._settings.url
        address = Address.parse(url.reveal() if isinstance(url, Secret) else url)
        manner = Manner(limits=_LIMITS, programs=True, now=self._clock.now().timestamp())
        # Nothing is kept of it: the folder is never made.
        trace = Trace(self._clock.monotonic, Path(tempfile.gettempdir()))
        with Phases(trace) as phases:
            await fetch(Request("GET", address), phases, manner, lambda status: status < 300)
            phases.leave()
