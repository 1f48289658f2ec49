"""One attempt: the lines it needs, its time limit, and an end that is always an observation.

Rule 1: whatever a check does (raise, hang, be wrong), the attempt ends as an observation within its
limit. Rule 2: a line carries no more of our calls than its channels; waiting for it does not count
against the limit. Rule 3: evidence never takes the last of a disk: the ledger must still be able to
say that the monitor is blind. Rule 4: an attempt has a folder only once it has something to put
there: ten thousand looks a minute leave nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import shutil
import traceback
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from checks import masking
from checks.contract import CannotTell, Check, Failed, Observation, Trace
from monitor.clock import Clock, SystemClock
from monitor.lines.call_book import CallBook
from monitor.lines.channels import Lines
from monitor.scheduling.under_way import UnderWay

log = logging.getLogger(__name__)


# A minute of a call, both ways at 8 kHz in 16 bits, is 2 MB of evidence: what is left holds the
# ledger's own commits.
SPARE_BYTES = 32e6
# Asked at most once a second: `statvfs` before each of ten thousand looks a minute would tell
# nothing new.
_ROOM_SECONDS = 1.0
# What the dates of far ends are held against, whatever clock a rehearsal goes by.
_WORLD = SystemClock()


class Runner:
    """Runs attempts, as many at a time as `at_once` allows."""

    def __init__(
        self,
        clock: Clock,
        exhibits: Path,
        at_once: int = 40,
        spare_bytes: float = SPARE_BYTES,
        lines: Lines | None = None,
        state: Path | None = None,
        under_way: UnderWay | None = None,
    ) -> None:
        """`lines`: those of another runner of this process, so that both share their channels;
        `state`: the folder by which other processes know who is on a line, and what was dialled;
        `under_way` remembers for a restart what is looked at.
        """
        self._under_way = under_way
        self._clock, self._exhibits, self._spare_bytes = clock, exhibits, spare_bytes
        self.lines, self._book = lines or Lines(state), CallBook(state)
        self._slots = asyncio.Semaphore(at_once)
        # Of several on one ledger: in the names of its folders, which all of them keep.
        self.host = ""
        self._room_until = float("-inf")

    async def attempt(
        self,
        name: str,
        check: Check,
        limit_seconds: float | None = None,
        listener: Callable[[str], None] | None = None,
        memory: Mapping[str, Any] | None = None,
        accepted: Mapping[str, Any] | None = None,
    ) -> Observation:
        """Make one attempt of `check`, which knows `memory` and what was `accepted`, and say what
        it saw. Never raises but on cancellation.
        """
        claims = check.claims()
        # The line before the slot: whoever waits for a busy line keeps nobody else from looking.
        try:
            async with self.lines.occupy(claims) if claims else nullcontext(), self._slots:
                return await self._made(name, check, limit_seconds, listener, memory, accepted)
        except OSError as problem:
            whose = ", ".join(claim.line for claim in claims)
            return Observation(
                blind=f"nobody can say who is on {whose}: {problem}; only root and the service's"
                " own user may look beside the daemon"
            )

    async def _made(
        self,
        name: str,
        check: Check,
        limit_seconds: float | None,
        listener: Callable[[str], None] | None,
        memory: Mapping[str, Any] | None,
        accepted: Mapping[str, Any] | None,
    ) -> Observation:
        if (blind := self._no_room()) is not None:
            return Observation(blind=blind)
        now, tolls = self._clock.now(), check.tolls()
        number, refused = self._book.enter(tolls, now.timestamp()) if tolls else ("", None)
        if refused is not None:
            return Observation(blind=refused)
        folder = partial(self._folder, name, now)
        began_at = _WORLD.now().timestamp()
        kept = self._under_way.of(name) if self._under_way else nullcontext()
        with masking.attempt(), kept:
            trace = Trace(self._clock.monotonic, folder, memory, accepted, began_at)
            trace.listener = listener
            try:
                return await self._within(check, trace, limit_seconds or check.longest_seconds())
            finally:
                if tolls:
                    took = max(1.0, trace.elapsed())
                    self._book.settle(tolls, number, took, now.timestamp())

    async def _within(self, check: Check, trace: Trace, limit_seconds: float) -> Observation:
        limit = asyncio.timeout(limit_seconds)
        try:
            async with limit:
                await check.probe(trace)
        except (Failed, CannotTell) as ended:
            return trace.observation(ended)
        except Exception as bug:  # noqa: BLE001 - rule 1: a bug is UNKNOWN, with its cause
            # `expired` tells our own limit from a TimeoutError that the check raised by itself.
            if limit.expired():
                return trace.observation(
                    blind=f"the attempt did not end within its limit of {limit_seconds:g} s"
                )
            # An exception's text may hold what a far end said, and that what it was told.
            where = masking.current().text("".join(traceback.format_exception(bug)))
            log.error("action=check_broke kind=%s\n%s", check.KIND, where)
            trace.note("".join(traceback.format_exception_only(bug)).strip())
            trace.note(_where(bug))
            return trace.observation(blind=f"bug in {check.KIND}: {type(bug).__name__}: {bug}")
        return trace.observation()

    def has_room(self) -> bool:
        """Whether there is room for the evidence of an attempt."""
        return self._no_room() is None

    def _no_room(self) -> str | None:
        """Why nothing could be kept of an attempt; None when it could."""
        if self._clock.monotonic() < self._room_until:
            return None
        try:
            if not self._exhibits.is_dir():
                # Only the daemon's own user may read recordings of calls: mode 0700, whatever the
                # umask.
                self._exhibits.mkdir(mode=0o700, parents=True, exist_ok=True)
            left = shutil.disk_usage(self._exhibits).free
        except OSError as full:
            return f"no folder for the exhibits: {full}"
        # Below this nothing is looked at: the ledger must still be able to write that the monitor
        # is blind.
        if left >= self._spare_bytes:
            self._room_until = self._clock.monotonic() + _ROOM_SECONDS
            return None
        where = f"{left / 1e6:.0f} MB are left where {self._exhibits} lies"
        return f"{where}; below {self._spare_bytes / 1e6:.0f} MB nothing is looked at"

    def _folder(self, name: str, now: datetime) -> Path:
        """A new folder for one attempt's exhibits, by day:
        exhibits/2026-11-22/main-number-093000-1.
        """
        day = self._exhibits / f"{now:%Y-%m-%d}"
        day.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A confirming look may begin in the same second as the one before: each has a folder of its
        # own.
        for count in itertools.count(1):
            # The name of a site's check has a slash, which begins another folder.
            own = name.replace("/", "+")
            folder = day / "-".join(filter(None, (own, self.host, f"{now:%H%M%S}-{count}")))
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                break
        return folder


def _where(bug: BaseException) -> str:
    last = traceback.extract_tb(bug.__traceback__)[-1]
    return f"at {Path(last.filename).name}:{last.lineno} in {last.name}"
