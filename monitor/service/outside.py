"""What the daemon shows of itself to the outside: its page, and the ping that it lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from monitor.clock import Clock
from monitor.config import Configuration
from monitor.ledger import Ledger, LedgerAccess
from monitor.ledger.of_site import of_site
from monitor.service.dead_man import DeadMansSwitch
from monitor.service.page_process import PageProcess
from monitor.service.standing import hindrance


class Outside:
    """Both of them, by the configuration that is in force."""

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        clock: Clock,
        ledger: LedgerAccess,
        look: Callable[[str], None] = lambda _desk: None,
    ) -> None:
        """`start` begins a task of the daemon's; `look` has a desk's tickets looked at soon."""
        self._start, self._clock, self._ledger = start, clock, ledger
        self._page = PageProcess(start, look)
        self._switch: DeadMansSwitch | None = None

    def take(self, sites: Sequence[Configuration]) -> None:
        """Go by this configuration from now on."""
        self._page.take(sites)
        self._switch = None
        if (dead_man := sites[0].dead_man) is not None:

            def hindered(ledger: Ledger) -> str:
                now = self._clock.now()
                found = (hindrance(of_site(ledger, one.site.scope), one, now) for one in sites)
                return next(filter(None, found), "")

            self._switch = DeadMansSwitch(dead_man, self._clock, lambda: self._ledger.do(hindered))

    def turn(self) -> None:
        """Do what is due; asked every second."""
        self._page.begin()
        if self._switch is not None and self._switch.due():
            self._start(self._switch.ping())

    def audited(self) -> None:
        """A morning's audit is done: that is told at once."""
        if self._switch is not None:
            self._start(self._switch.ping())
