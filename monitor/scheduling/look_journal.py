"""Looks that could not be settled, since the ledger was out of reach: one JSON line each in the
state folder, on the disk before anybody counts on it, and there until the ledger has it.

Rules:
1. In the order in which they came. What is delivered is blanked where it stands: that needs no room
   on a disk that is full, and what comes meanwhile is not touched. Once all of it is blank the file
   goes.
2. Bounded: a journal that is full takes no more, and says how many it did not take. What it has is
   older, and tells when the trouble began.
3. A line that was cut off by a crash was not counted upon. One that this program cannot read is put
   aside, and nothing of it is lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from checks.body import Body, Unreadable
from checks.counted_lines import blank_lines, put_line

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
        # What comes while others are handed in must not go with them.
        self._lock = Lock()
        # What lies before is blank: handed in.
        self._front = 0
        self.refused = 0

    def keep(self, look: LateLook) -> bool:
        """Put one on the disk; False where the journal is full. Raises OSError."""
        line = json.dumps(LATE_LOOK.numbered(asdict(look)), separators=(",", ":")).encode()
        with self._lock:
            # Blanks are no looks; twice as much is the most that the file ever takes.
            most = self._most_bytes + min(self._front, self._most_bytes)
            kept = put_line(self._path, line, most)
        self.refused += not kept
        return kept

    def there(self) -> bool:
        """Whether anything waits."""
        return self._path.exists()

    def first(self, count: int) -> tuple[Sequence[LateLook], int]:
        """The oldest so many, and where in the file they end. Raises OSError."""
        found = list[LateLook]()
        with self._path.open("rb") as file:
            file.seek(self._front)
            while len(found) < count and (line := file.readline()):
                with suppress(ValueError):  # blank, or cut off by a crash
                    told = json.loads(line)
                    try:
                        found.append(LATE_LOOK.read(told, self._path.name))
                    except Unreadable:
                        self.put_aside(told)
            return found, file.tell()

    def delivered(self, end: int) -> None:
        """The ledger has what lies before this place. Raises OSError."""
        with self._lock:
            blank_lines(self._path, self._front, end)
            self._front = end
            if end >= self._path.stat().st_size:
                # The name may come back with a power cut; its lines do not.
                self._path.unlink()
                self._front = 0

    def put_aside(self, look: Mapping[str, Any]) -> None:
        """One that cannot be handed in is kept for people, beside the journal. Raises OSError."""
        put_line(self._path.with_suffix(".unreadable"), json.dumps(look).encode())
