"""The last resort of a daemon that cannot even start, or has to be started again: the operators are
told by mail, past the ledger, and not at every try.

Under Restart=always a daemon that cannot start tries every few seconds for ever, and remembers
nothing from one try to the next: a mark is left in the first folder that takes one.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.delivery.last_resort import AGAIN_AFTER, Alarm

log = logging.getLogger(__name__)
_MARK = "alarm-at-start"
# systemd waits for a start that has failed; a mail server that hangs is not waited for.
_WITHIN_SECONDS = 20.0


def tell_operators(configuration: Configuration, reason: str, cause: str = "start") -> bool:
    """Mail them that nothing is looked at, and why; False where they were told a while ago, or
    nobody took it."""
    mark = next(_folders(configuration), None)
    if mark is not None and _fresh(mark / _MARK):
        return False
    now = SystemClock().now()
    log.error("action=blind_at_start %s", reason)

    async def told() -> bool:
        async with asyncio.timeout(_WITHIN_SECONDS):
            return await Alarm().raise_(configuration, reason, now, cause)

    try:
        taken = asyncio.run(told())
    # The reason why the daemon does not start is what matters: it is told by its own exit.
    except (TimeoutError, LookupError, OSError) as problem:
        log.error("action=alarm_not_taken %s", problem or "no answer in time")
        return False
    if taken and mark is not None:
        (mark / _MARK).touch()
    return taken


def _folders(configuration: Configuration) -> Iterator[Path]:
    """Those that may be written; the runtime folder first, which is in memory: a full disk does not
    reach it. Its unit has RuntimeDirectoryPreserve=restart."""
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    for folder in (Path(runtime) if runtime else None, configuration.state):
        if folder is not None and os.access(folder, os.W_OK | os.X_OK):
            yield folder


def _fresh(mark: Path) -> bool:
    try:
        age = SystemClock().now().timestamp() - mark.stat().st_mtime
    except OSError:
        return False
    # An age below zero comes of a clock that was set back: rather one mail too many.
    return 0 <= age < AGAIN_AFTER.total_seconds()
