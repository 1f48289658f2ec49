"""The minutes of a conference while it goes on: kept beside its recording, so that a daemon that is
stopped in the middle loses none of them.

Rule: the file is there from the first who joins until the ticket has the minutes; what is found at
a start was cut off by the end of the daemon before, and says so.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from checks.telephony.call.conference import Conference

log = logging.getLogger(__name__)

_ENDING = ".minutes"


@dataclass(frozen=True, slots=True)
class LeftMinutes:
    """What a conference that was cut off has left. `kept` is called once the ticket has it."""

    incident: int
    text: str
    recording: Path
    kept: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Draft:
    """The minutes of one conference; `incident` is the ticket's number."""

    recording: Path
    incident: int | None

    @property
    def file(self) -> Path:
        """Where they are kept."""
        return self.recording.with_suffix(_ENDING)

    def follow(self, conference: Conference) -> None:
        """Keep what there is whenever somebody comes or leaves, once somebody is in it."""

        def keep() -> None:
            if conference.first:
                self.write(conference.minutes())

        conference.changed = keep

    def write(self, text: str) -> None:
        """Keep what there is so far. A disk that takes nothing ends no conference."""
        beside = self.file.with_suffix(".new")
        told = {"incident": self.incident, "text": text}
        try:
            beside.write_text(json.dumps(told), encoding="utf-8")
            beside.replace(self.file)
        except OSError as why:
            log.warning("action=minutes_not_kept file=%s %s", self.file, why)

    def kept(self) -> None:
        """The ticket has them."""
        self.file.unlink(missing_ok=True)


def left_in(folder: Path) -> Iterator[LeftMinutes]:
    """What conferences of before have left, the oldest first."""
    for file in sorted(folder.glob(f"*{_ENDING}")):
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            incident, text = int(told["incident"]), str(told["text"])
        except (OSError, ValueError, TypeError, KeyError) as why:
            log.warning("action=minutes_unreadable file=%s %s", file, why)
            continue
        draft = Draft(file, incident)
        recorded = file.with_suffix(".wav")
        where = f"; recorded in {recorded}" if recorded.exists() else ""
        cut = f"{text}; Reveille was stopped while it went on{where}"
        yield LeftMinutes(incident, cut, recorded, draft.kept)


def conferences(state: str) -> Path:
    """Where conferences are recorded."""
    return Path(state or tempfile.gettempdir()) / "conferences"
