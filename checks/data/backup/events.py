"""How the worker speaks: by the events of process/child.py, from whichever thread; run/parent.py
hears them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from checks.contract import Failed
from checks.process.child import Tell

# Twice a second moves a line in a terminal; an event for each megabyte would be a load of its own.
_PROGRESS_SECONDS = 0.5


class BackupEvents:
    """Says what happens, from whichever thread."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._told_at = 0.0
        self._stage_done = 0
        self._stage_total = 0
        self.measures: dict[str, float] = {}
        self.seconds: dict[str, float] = {}

    def event(self, **facts: Any) -> None:
        """Tell an event, whole, whichever thread it comes from."""
        with self._lock:
            self._tell(**facts)

    @contextmanager
    def stage(self, name: str, total: int = 0) -> Iterator[None]:
        """A stage of the work, `total` bytes long if that is known. A fault in it is told
        as its.
        """
        self._stage_done, self._stage_total = 0, total
        self.event(begin=name)
        began = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began
        self.event(end=name)

    def advance(self, count: int) -> None:
        """So many bytes of the stage are done."""
        with self._lock:
            self._stage_done += count
            now = time.monotonic()
            tell = self._stage_total > 0 and now - self._told_at >= _PROGRESS_SECONDS
            self._told_at = now if tell else self._told_at
        if tell:
            self.event(progress=min(100.0, round(100.0 * self._stage_done / self._stage_total, 1)))

    def measure(self, name: str, value: float) -> None:
        """A number; the name carries its unit."""
        self.measures[name] = value
        self.event(measure=name, value=value)

    def note(self, text: str) -> None:
        """Tell a sentence of fact, for the attempt's notes."""
        self.event(note=text)

    def refused(self, refusal: Failed) -> None:
        """Tell that the stage under way failed, and why."""
        self.event(fault=refusal.code, text=refusal.text, origin=refusal.origin)
