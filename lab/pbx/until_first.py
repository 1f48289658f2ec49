"""Several things that a call waits for at once: the first that happens decides."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def until_first(*work: Coroutine[Any, Any, Any]) -> None:
    """Run these side by side until one is through; the others are cancelled."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # A cancelled task is awaited too: it may have to give something back on its way out.
        await asyncio.gather(*tasks, return_exceptions=True)
