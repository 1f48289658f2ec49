"""What a look has at hand, and how it speaks: by the events of process/child.py, which
checks/host/parent.py hears.

{"plan": ["fill", "raid"]}   {"begin": "fill"}   {"end": "fill"}
{"measure": "root_percent", "value": 41.0}       {"note": "…"}   {"warning": "…"}
{"fault": "disk-full", "text": "…"}              {"remember": "fill", "value": {…}}
{"propose": "ports", "value": […]}               {"blind": "…"}   {"done": {}}

Rule 1: every text is on one line, without control or bidirectional characters: file names and user
names are written by strangers. Rule 2: a stage that cannot look says so and the next one begins;
where none can, nothing is known.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checks.process.child import Tell

_LONGEST_TEXT = 600
# General categories of Unicode: control, format (bidirectional overrides among them), surrogates,
# private use, line and paragraph separators. A file name with an override reads backwards in a
# ticket.
_STRANGE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


class NotLooked(Exception):
    """A stage could not look: why. That is a warning; `missing` makes it a note (a tool is not
    installed).
    """

    def __init__(self, why: str, missing: bool = False) -> None:
        super().__init__(why)
        self.missing = missing


def need_all_processes() -> None:
    """Raises NotLooked where others' processes are hidden: one that is not seen is not known to be
    missing, nor to be well.
    """
    # ProtectProc=invisible (hidepid= in proc(5)): not even the first process is there.
    if not Path("/proc/1").exists():
        raise NotLooked("the processes of other users, which are hidden from this one")


class Blind(Exception):
    """No stage could look, so nothing is known of the host."""


class TimeOver(Exception):
    """A stage is not begun any more, nor is any after it."""


class Look:
    """One look: its settings, what the last one remembered, what was accepted, and what it has to
    say.
    """

    def __init__(self, job: Mapping[str, Any], tell: Tell) -> None:
        self.settings: Mapping[str, Any] = job["settings"]
        self.recalled: Mapping[str, Any] = job["recalled"]
        self.accepted: Mapping[str, Any] = job["accepted"]
        self.now: float = job["now"]
        self.monitor: int = job["monitor"]
        self._until = time.monotonic() + job["seconds"]
        self._tell = tell
        self._plan: list[str] = []
        self._begun: list[str] = []
        self._blind: list[str] = []

    def left(self) -> float:
        """Seconds until the time budget is over; below zero afterwards."""
        return float(self._until - time.monotonic())

    def plan(self, stages: Sequence[str]) -> None:
        """Tell which stages will be begun, in this order."""
        self._plan = list(stages)
        self._tell(plan=self._plan)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A stage. One that cannot look says why, and is over. Raises TimeOver."""
        if self.left() <= 0:
            raise TimeOver
        self._tell(begin=name)
        self._begun.append(name)
        try:
            yield
        except NotLooked as why:
            self._blind.append(f"{name}: {why}")
            if why.missing:
                self.note(f"not looked at: {name}: {why}")
            else:
                self.warning(f"not looked at: {name}: {why}")
        except PermissionError as problem:
            why_not = f"{problem.filename or 'something'} may not be read by this user"
            self._blind.append(f"{name}: {why_not}")
            self.warning(f"not looked at: {name}: {why_not}")
        self._tell(end=name)

    def conclude(self) -> None:
        """Raises Blind where no stage at all could look: that is not good, it is nothing."""
        if self._begun and len(self._blind) == len(self._begun):
            raise Blind("; ".join(self._blind))

    def broken_off(self) -> None:
        """Name the stages that the time was over for. Raises Blind if it was for all of them."""
        if not self._begun:
            raise Blind("the time budget was over before the first stage")
        left = [stage for stage in self._plan if stage not in self._begun]
        self.warning(f"not looked at: {', '.join(left)}: the time budget is over")

    def measure(self, name: str, value: float) -> None:
        """Tell a number; its name carries the unit."""
        self._tell(measure=name, value=value)

    def note(self, text: str) -> None:
        """Tell a fact, as one sentence."""
        self._tell(note=clean(text))

    def warning(self, text: str) -> None:
        """Tell what a person should look at, though it is no fault."""
        self._tell(warning=clean(text))

    def fault(self, code: str, text: str) -> None:
        """Tell what is wrong, in the stage under way."""
        self._tell(fault=code, text=clean(text))

    def remember(self, name: str, value: Any) -> None:
        """Keep a value (plain JSON) for the next look."""
        self._tell(remember=name, value=value)

    def propose(self, name: str, value: Any) -> None:
        """Propose a value that a person may accept as right."""
        self._tell(propose=name, value=value)


def clean(text: str) -> str:
    """A text on one line without characters that do something."""
    spaced = "".join(
        " " if unicodedata.category(sign) in _STRANGE else sign
        for sign in text[: 2 * _LONGEST_TEXT]
    )
    short = " ".join(spaced.split())
    return short if len(short) <= _LONGEST_TEXT else short[: _LONGEST_TEXT - 1] + "…"


def listed(things: Sequence[str], most: int = 8) -> str:
    """Some of them by name, and how many more there are."""
    more = f" and {len(things) - most} more" if len(things) > most else ""
    return ", ".join(things[:most]) + more
