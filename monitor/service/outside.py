"""What the daemon shows of itself to the outside: its page, and the ping that it lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from monitor.clock import Clock
from monitor.config import Configuration
from monitor.ledger import LedgerAccess
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

    def take(self, configuration: Configuration) -> None:
        """Go by this configuration from now on."""
        self._page.take(configuration)
        self._switch = None
        if configuration.dead_man is not None:
            self._switch = DeadMansSwitch(
                configuration.dead_man,
                self._clock,
                lambda: self._ledger.do(
                    lambda ledger: hindrance(ledger, configuration, self._clock.now())
                ),
            )

    def turn(self) -> None:
        """Do what is due; asked every second."""
        self._page.begin()
        if self._switch is not None and self._switch.due():
            self._start(self._switch.ping())

    def audited(self) -> None:
        """A morning's audit is done: that is told at once."""
        if self._switch is not None:
            self._start(self._switch.ping())
