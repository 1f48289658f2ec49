"""One attempt, as the runner makes it; told of each stage as it begins."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from checks.contract import CannotTell, Check, Failed, Observation, Trace


async def attempt(
    check: Check, folder: Path, listener: Callable[[str], None] | None = None
) -> Observation:
    await asyncio.to_thread(folder.mkdir, parents=True)
    trace = Trace(time.monotonic, folder)
    trace.listener = listener
    try:
        await check.probe(trace)
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()
