"""How many calls, and how many minutes, a line has had within the last 24 hours: beyond what its
settings allow nothing is dialled, whoever asks (a schedule, a retry, a burst, a hand).

A book for each line, in the folder `lines` of the state: it outlives restarts, and `reveille once`
writes in the same one. A call is entered before it is placed, at its longest, and with what it took
once it is over; one that a crash cut off stays at its longest. Rule: a cap that is reached says
nothing of the far end, so the attempt is UNKNOWN, with the cap.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from checks.body import Body, Unreadable
from checks.contract import Toll
from monitor.lines.channels import file_name, hand_over, in_state

log = logging.getLogger(__name__)

DAY_SECONDS = 86_400.0


class _Entry(TypedDict):
    """Calls that were placed together: when (seconds since 1970), whereto, how many, and how long
    they took in all."""

    id: str
    at: float
    to: str
    calls: int
    seconds: float


class _Book(TypedDict):
    """lines/NAME.calls.json: the entries of the last day."""

    entries: list[_Entry]


BOOK: Body[dict[str, Any]] = Body("call-book", _Book, dict)


class CallBook:
    """The books of all lines; `state` is the state folder, None keeps none."""

    def __init__(self, state: Path | None = None) -> None:
        self._state = state

    def enter(
        self, tolls: Sequence[Toll], now: float, past_the_cap: bool = False
    ) -> tuple[str, str | None]:
        """Enter what an attempt will dial: the entry's number, and why it must not be placed, or
        None. `past_the_cap`: it is placed, and entered, all the same. Raises OSError.
        """
        number = secrets.token_hex(8)
        if self._state is None or not self._state.is_dir():
            return number, None
        folder = in_state(self._state)
        refused: str | None = None
        for name in sorted({toll.line for toll in tolls}):
            with _opened(folder, name, now) as entries:
                due = [toll for toll in tolls if toll.line == name]
                refused = refused or _refusal(name, due, entries)
                if refused is None or past_the_cap:
                    entries += [_entry(number, toll, now) for toll in due]
        if refused is not None and not past_the_cap:
            self.settle(tolls, number, 0.0, now)
        return number, refused

    def settle(self, tolls: Sequence[Toll], number: str, seconds: float, now: float) -> None:
        """What the attempt took in all, its end included. Raises OSError."""
        if self._state is None or not self._state.is_dir():
            return
        for name in {toll.line for toll in tolls}:
            with _opened(in_state(self._state), name, now) as entries:
                for entry in entries:
                    if entry["id"] == number:
                        entry["seconds"] = min(entry["seconds"], seconds * entry["calls"])
                        entry["calls"] = entry["calls"] if seconds else 0


def _entry(number: str, toll: Toll, now: float) -> _Entry:
    longest = toll.calls * toll.seconds
    return {"id": number, "at": now, "to": toll.to, "calls": toll.calls, "seconds": longest}


def _refusal(name: str, tolls: Sequence[Toll], entries: Sequence[_Entry]) -> str | None:
    calls = sum(entry["calls"] for entry in entries)
    minutes = sum(entry["seconds"] for entry in entries) / 60.0
    for toll in tolls:
        calls += toll.calls
        if calls > toll.calls_a_day:
            return (
                f"cap reached: line {name!r} has had {calls - toll.calls} calls within 24 hours,"
                f" {toll.calls} more would be past its calls_a_day = {toll.calls_a_day}; nothing"
                " was dialled"
            )
        if minutes >= toll.minutes_a_day:
            return (
                f"cap reached: calls of {minutes:.0f} minutes went over line {name!r} within 24"
                f" hours (minutes_a_day = {toll.minutes_a_day}); nothing was dialled"
            )
    return None


@contextmanager
def _opened(folder: Path, line: str, now: float) -> Iterator[list[_Entry]]:
    """A line's entries, for nobody else meanwhile; kept when the block is left."""
    path = folder / f"{file_name(line)}.calls.json"
    lock = os.open(folder / "calls.lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        hand_over(folder / "calls.lock", folder)
        # Held for the milliseconds of a read and a write, so that waiting for it is no wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        # One from a clock that was ahead counts until its own day is over.
        entries = [one for one in _read(path) if one["at"] > now - DAY_SECONDS]
        yield entries
        new = path.with_suffix(".new")
        new.write_text(json.dumps(BOOK.numbered({"entries": entries})), encoding="utf-8")
        hand_over(new, folder)
        # rename(2) is atomic: a crash leaves the book of before or this one.
        new.replace(path)
    finally:
        os.close(lock)


def _read(path: Path) -> list[_Entry]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        entries: list[_Entry] = BOOK.read(kept)["entries"]
    except FileNotFoundError:
        return []
    except (ValueError, Unreadable) as why:
        # A count that is lost lets one more day's calls through at the most; a line that nobody
        # looks at any more would be worse.
        log.warning("action=call_book_begun_anew file=%s why=%s", path, why)
        return []
    return entries
