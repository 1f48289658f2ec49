"""The last resort of a daemon that cannot even start, or has to be started again: the operators are
told by mail, past the ledger, and not at every try.

Under Restart=always a daemon that cannot start tries every few seconds for ever, and remembers
nothing from one try to the next: a mark is left in its state. A state that takes none (a disk gone
read-only) leaves the clock: then who starts as a half hour begins tells, and nobody else.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.delivery.last_resort import AGAIN_AFTER, Alarm

log = logging.getLogger(__name__)
_MARK = "alarm-at-start"
# systemd waits for a start that has failed; a mail server that hangs is not waited for.
_WITHIN_SECONDS = 20.0
# A start and its end take some seconds, and RestartSec= is 5: one or two fall into a spell of this.
_SPELL = timedelta(seconds=15)


def tell_operators(sites: Sequence[Configuration], reason: str, cause: str = "start") -> bool:
    """Mail them that nothing is looked at, and why; False where they were told a while ago, or
    nobody took it."""
    mark, now = sites[0].state / _MARK, SystemClock().now()
    if _fresh(mark, now) or not (_touched(mark, at=0) or _begins(now)):
        return False
    log.error("action=blind_at_start %s", reason)

    async def told() -> bool:
        async with asyncio.timeout(_WITHIN_SECONDS):
            return await Alarm().raise_(sites, reason, now, cause)

    try:
        taken = asyncio.run(told())
    # The reason why the daemon does not start is what matters: it is told by its own exit.
    except (TimeoutError, LookupError, OSError) as problem:
        log.error("action=alarm_not_taken %s", problem or "no answer in time")
        return False
    if taken:
        _touched(mark)
    return taken


def _fresh(mark: Path, now: datetime) -> bool:
    try:
        age = now.timestamp() - mark.stat().st_mtime
    except OSError:
        return False
    # An age below zero comes of a clock that was set back: rather one mail too many.
    return 0 <= age < AGAIN_AFTER.total_seconds()


def _touched(mark: Path, at: float | None = None) -> bool:
    """Whether it could be: now, or at a moment long ago, to see whether it can."""
    try:
        mark.touch(mode=0o600)
        if at is not None:
            os.utime(mark, (at, at))
    except OSError as problem:
        log.error("action=alarm_not_remembered path=%s %s", mark, problem)
        return False
    return True


def _begins(now: datetime) -> bool:
    """Whether a half hour has just begun."""
    return now.timestamp() % AGAIN_AFTER.total_seconds() < _SPELL.total_seconds()
