"""How checks stood for some days, kept for the first page: read once, and from then on only what
was looked at since.

Rules:
1. A page never waits for more than LOOKS_AT_ONCE looks that are read for its strips: those that
   are not read yet come with one of the next pages, and are said to be on their way.
2. What came since is asked for all checks in one question, from a time before the last that is
   known: a look is written when it is over, and stands by when it began.
3. A look that a host hands in hours later lies before that: so all of it is read again now and
   then, by the page's own process, which rests for longer than that takes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.config import CheckEntry
from monitor.core.availability import Run, Stretch, stretches
from monitor.core.rollup import continued, until
from monitor.core.timetable import Every
from monitor.ledger import Ledger
from monitor.page.ledger_reader import LedgerReader, Unavailable
from monitor.service.standing import holds

# A server goes through as many in a thirtieth of a second.
LOOKS_AT_ONCE = 20_000
_DAY = timedelta(days=1)
# Beyond its own limit a look is given this long to be written.
_WRITTEN_WITHIN = timedelta(minutes=5)
# What was not asked for so long is read anew: the question of what came since stays a small one.
_FORGOTTEN = timedelta(hours=1)
# To read all of it again takes a two hundredth of the time of one processor, or a little more.
_RESTS, _LEAST_REST_SECONDS, _MOST_REST_SECONDS = 200, 60.0, 1800.0


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is known of one check: its runs since `start`, of looks up to `end`."""

    start: datetime
    end: datetime
    runs: tuple[Run, ...]
    since: tuple[Run, ...] = ()
    """what they come to with the looks after `end`"""


class Course:
    """Of the checks of one site."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        # Read by the page's own rounds and by whoever asks for it, each in a thread.
        self._lock = threading.Lock()

    def keep_up(
        self, ledger: Ledger, entries: Sequence[CheckEntry], start: datetime, end: datetime
    ) -> None:
        """Have what can be said of checks from `start` to `end`, as far as that is soon read."""
        unread = [entry for entry in entries if not self._serves(entry, start, end)]
        left = LOOKS_AT_ONCE
        if unread:
            began = max(start, ledger.began() or end)
            for entry in unread:
                left -= _expected(entry, end - began)
                self.read(ledger, entry, start, end)
                if left <= 0:
                    break
        known = [entry for entry in entries if self._serves(entry, start, end)]
        self._hear(ledger, known, end)

    def read(self, ledger: Ledger, entry: CheckEntry, start: datetime, end: datetime) -> None:
        """Read one of them whole."""
        runs = ledger.runs(entry.name, start, end, holds(entry))
        settled = _settled(entry, end)
        with self._lock:
            self._kept[entry.name] = _Kept(start, settled, until(runs, settled), runs)

    def of(self, entry: CheckEntry, start: datetime, end: datetime) -> tuple[Stretch, ...] | None:
        """The stretches of a check; None where they are not read yet."""
        kept = self._kept.get(entry.name)
        if kept is None or not self._serves(entry, start, end):
            return None
        return stretches(kept.since, start, end, holds(entry))

    async def watch(
        self,
        reader: LedgerReader,
        wanted: Callable[[], Iterable[CheckEntry]],
        span: Callable[[], tuple[datetime, datetime]],
    ) -> None:
        """Read all that is wanted, again and again, until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            took = 0.0
            for entry in wanted():
                began = loop.time()
                with suppress(Unavailable):
                    await reader.ask(lambda ledger, entry=entry: self.read(ledger, entry, *span()))  # type: ignore[misc]
                took += loop.time() - began
            rest = max(_LEAST_REST_SECONDS, _RESTS * took)
            await asyncio.sleep(min(rest, _MOST_REST_SECONDS))

    def _serves(self, entry: CheckEntry, start: datetime, end: datetime) -> bool:
        kept = self._kept.get(entry.name)
        if kept is None or _settled(entry, end) - kept.end > _FORGOTTEN:
            return False
        # Stretches are cut at their start: what began earlier serves a day of pages.
        return start - _DAY <= kept.start <= start

    def _hear(self, ledger: Ledger, entries: Sequence[CheckEntry], end: datetime) -> None:
        """Of all of them what was looked at since."""
        known = {entry.name: self._kept[entry.name] for entry in entries}
        heard = ledger.looks_since({name: kept.end for name, kept in known.items()}, end)
        for entry in entries:
            kept, looks = known[entry.name], heard.get(entry.name, ())
            runs = tuple(continued(kept.runs, looks, holds(entry)))
            settled = max(kept.end, _settled(entry, end))
            with self._lock:
                # Read whole meanwhile, it knows more.
                if self._kept[entry.name] is kept:
                    made = _Kept(kept.start, settled, until(runs, settled), runs)
                    self._kept[entry.name] = made


def _settled(entry: CheckEntry, end: datetime) -> datetime:
    return end - timedelta(seconds=entry.limit) - _WRITTEN_WITHIN


def _expected(entry: CheckEntry, within: timedelta) -> int:
    """About how many looks there are in a time."""
    if isinstance(entry.timetable, Every):
        return int(within.total_seconds() / entry.timetable.seconds)
    return len(entry.at) * within.days
