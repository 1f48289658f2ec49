"""A job that is asked for more often than it can be done: one at a time, and once more for all who
asked meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any


class Singly:
    """One job of a daemon."""

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        job: Callable[[], Awaitable[None]],
        apart_seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`start` begins a task of the daemon's, which tells of its faults. `apart_seconds`: so
        long after it was done it is done again, at the earliest; asked each time.
        """
        self._start, self._job, self._apart_seconds = start, job, apart_seconds
        self._wanted = self._under_way = False

    @property
    def under_way(self) -> bool:
        """Whether it is being done."""
        return self._under_way

    def ask(self) -> None:
        """Have it done, now or once it is done."""
        self._wanted = True
        if not self._under_way:
            self._under_way = True
            self._start(self._done())

    async def _done(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                await self._job()
                if (seconds := self._apart_seconds()) > 0:
                    await asyncio.sleep(seconds)  # whoever asks meanwhile goes along
        # After a fault it is asked for again by who asks anyway.
        finally:
            self._under_way = False
