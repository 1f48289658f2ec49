"""Looks that could not be settled, since the ledger was out of reach: one JSON line each in the
state folder, on the disk before anybody counts on it, and there until the ledger has it.

Rules:
1. In the order in which they came; what is delivered is taken away from the front.
2. Bounded: a journal that is full takes no more, and says how many it did not take. What it has is
   older, and tells when the trouble began.
3. A line that was cut off by a crash was not counted upon. One that this program cannot read is put
   aside, and nothing of it is lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from checks.body import Body, Unreadable

NAME = "late-looks.jsonl"
# A good look is 600 bytes and a failed one 1500: ten thousand of them, an hour of three a second.
MOST_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class LateLook:
    """One line. Moments are UTC in ISO 8601; bodies are JSON, as the ledger keeps them."""

    check: str
    place: str
    """from where it was made, of a check that several places look at; "" else"""
    kind: str
    purpose: str
    started_at: str
    slot: str
    """the key of the run at a time of day that it was; "" where it was none"""
    slot_at: str
    observation: str
    state: str
    verdict: str
    memory: str = "{}"
    proposals: str = "{}"


LATE_LOOK: Body[LateLook] = Body("late-look", LateLook, lambda told: LateLook(**told))


class LookJournal:
    """The journal of one state folder. Everything here waits for the disk."""

    def __init__(self, state: Path, most_bytes: int = MOST_BYTES, of: str = "") -> None:
        """`of` is the site whose looks they are, where there are several."""
        name = NAME.replace(".", f"-{of}.") if of else NAME
        self._path, self._most_bytes = state / name, most_bytes
        # What comes while others are taken away must not go with them.
        self._lock = Lock()
        self.refused = 0

    def keep(self, look: LateLook) -> bool:
        """Put one on the disk; False where the journal is full. Raises OSError."""
        line = json.dumps(LATE_LOOK.numbered(asdict(look)), separators=(",", ":")).encode() + b"\n"
        with self._lock:
            return self._kept(line)

    def _kept(self, line: bytes) -> bool:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            end = os.lseek(descriptor, 0, os.SEEK_END)
            if end + len(line) > self._most_bytes:
                self.refused += 1
                return False
            # The last line was cut off by a crash: the new one begins on a line of its own.
            broken = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
            written = os.write(descriptor, b"\n" + line if broken else line)
            if written < len(line):  # the disk is full: what is there is a line that was cut off
                raise OSError(28, "No space left on device", str(self._path))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return True

    def there(self) -> bool:
        """Whether anything waits."""
        return self._path.exists()

    def first(self, count: int) -> tuple[Sequence[LateLook], int]:
        """The oldest so many, and how many bytes of the file they are. Raises OSError."""
        found, taken = list[LateLook](), 0
        with self._path.open("rb") as file:
            while len(found) < count and (line := file.readline()):
                taken += len(line)
                with suppress(ValueError):  # cut off by a crash
                    told = json.loads(line)
                    try:
                        found.append(LATE_LOOK.read(told, self._path.name))
                    except Unreadable:
                        self.put_aside(told)
        return found, taken

    def delivered(self, taken: int) -> None:
        """The ledger has what these first bytes say. Raises OSError."""
        with self._lock:
            self._taken_away(taken)

    def _taken_away(self, taken: int) -> None:
        if taken >= self._path.stat().st_size:
            self._path.unlink()
            return
        left = self._path.with_suffix(".left")
        with self._path.open("rb") as file, left.open("wb") as rest:
            file.seek(taken)
            while piece := file.read(1 << 20):
                rest.write(piece)
            rest.flush()
            os.fsync(rest.fileno())
        left.replace(self._path)

    def put_aside(self, look: Mapping[str, Any]) -> None:
        """One that cannot be handed in is kept for people, beside the journal. Raises OSError."""
        with self._path.with_suffix(".unreadable").open("ab") as file:
            file.write(json.dumps(look).encode() + b"\n")
            os.fsync(file.fileno())
