"""What runs beside each other in the exchange: one task for each call, and some within calls.

Rule: a bug in one call ends that call only; it is kept in `mishaps`, which the tests want empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """Every task that was started and is not through."""

    def __init__(self) -> None:
        self.mishaps: list[BaseException] = []
        # The event loop itself holds tasks weakly: without this set one may vanish in mid-call.
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside everything else."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)

    async def close(self) -> None:
        """Cancel all of them, and wait until they are through."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error:
            self.mishaps.append(error)
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a call broke", "exception": error}
            )
