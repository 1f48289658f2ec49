"""The time of one round of the outbox."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta


class Stopwatch:
    """The moment that was given, plus the whole seconds since: sends take time, and a test's clock
    does not.
    """

    def __init__(self, start: datetime) -> None:
        self.start = start
        self._began = asyncio.get_running_loop().time()

    def now(self) -> datetime:
        """The moment that was given, plus the whole seconds since."""
        return self.start + timedelta(seconds=int(asyncio.get_running_loop().time() - self._began))
