"""Records in text files, also rotated and compressed ones, line by line. Only for the child
process.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress

import numpy as np

from checks.data.usage.csv_blocks import Reading, TextColumns
from checks.data.usage.csv_cut import MARGIN, Cut, Shape
from checks.data.usage.leg_rows import Met
from checks.data.usage.queue_log import EVENTS
from checks.data.usage.source_faults import SourceFault
from checks.data.usage.text_files import Listed, opened
from checks.digits import whole

# Arrays of a megabyte are taken from memory that is at hand; for larger ones the system is asked
# each time, which costs more than the work on them.
_BLOCK_BYTES = 1 << 20
# A record is some hundred bytes long: what is longer than 64 kB is a quote that nobody closed.
_LONGEST_RECORD = 1 << 16
_EDGE = b"\n" * MARGIN
# The comma of Asterisk and FreeSWITCH, and what spreadsheets and other exporters write instead.
_DELIMITERS = ",;\t|"
_EVENT = re.compile(r"[A-Z_]+")


class CsvRecords:
    """CSV as Asterisk and FreeSWITCH write it."""

    def __init__(self, files: Sequence[Listed], fields: Sequence[str], met: Met) -> None:
        self._files, self._met = files, met
        needed = 1 + max(
            (at for at, term in enumerate(fields) if term in ("start", "length")), default=0
        )
        usually, delimiter = self._first_width(needed) or (len(fields), _DELIMITERS[0])
        self._shape = Shape(usually, min(usually, len(fields)), needed, ord(delimiter))
        self.positions = {term: at for at, term in enumerate(fields[:usually]) if term}
        # One field says whom the leg went to, be it a trunk or an agent.
        if "agent" in self.positions:
            self.positions.setdefault("far_trunk", self.positions["agent"])
        self._reading = Reading(self.positions)

    def batches(self) -> Iterator[TextColumns]:
        """Every record, some megabytes at a time; what is too short to be one is counted as
        unreadable.
        """
        for file in self._files:
            with opened(file) as raw:
                left, begun = b"", False
                while chunk := raw.read(_BLOCK_BYTES):
                    if not begun and b"\n" not in chunk and b"\r" in chunk.rstrip(b"\r"):
                        raise SourceFault(
                            "not-records",
                            f"{file.path}: its lines end by CR alone; have them end by LF",
                        )
                    begun = True
                    block = left + chunk
                    used = yield from self._records(block)
                    # A quote that is never closed would keep everything after it in one record:
                    # from here on every line is one.
                    if len(block) - used > _LONGEST_RECORD:
                        block = block[used:]
                        used = yield from self._records(block, by_line=True)
                    left = block[used:]
                yield from self._records(left + b"\n", by_line=True)
            if self._met.undated is not None:
                self._met.undated.file_ended()

    def _records(self, block: bytes, by_line: bool = False) -> Generator[TextColumns, None, int]:
        """The records in a block; returns how much of it that was."""
        self._reading.returns = b"\r" in block
        wide = np.frombuffer(b"".join((_EDGE, block, _EDGE)), np.uint8)
        cut = Cut(wide[MARGIN:-MARGIN], self._shape, by_line)
        bad = [wide[begin:end].tobytes() for begin, end in cut.bad.tolist()]
        # What two stray quotes have between them may be good lines.
        several = [] if by_line else [each for each in bad if b"\n" in each[:-1]]
        strays = {at: each for at, each in enumerate(bad) if by_line or b"\n" not in each[:-1]}
        places = np.searchsorted(cut.begins, cut.bad[:, 0])
        places = places[[at for at, stray in strays.items() if stray.strip()]]
        if len(cut.begins):
            yield TextColumns(wide, cut.begins, cut.ends, self._reading, places)
        elif self._met.undated is not None:
            self._met.undated.more(len(places))
        for stray in strays.values():
            self._met.stray(stray)
        if several:
            yield from self._records(b"".join(several), by_line=True)
        return cut.used

    def _first_width(self, needed: int) -> tuple[int, str] | None:
        """How many fields records have, and what stands between them: of the first that is long
        enough.
        """
        for file in self._files:
            with opened(file) as raw, io.TextIOWrapper(raw, "utf-8", errors="replace") as text:
                # A heading or a torn line may stand first: among a hundred lines there is a whole
                # one.
                lines = [text.readline(_LONGEST_RECORD) for _ in range(100)]
            for delimiter in _DELIMITERS:
                # A quote that nobody closes makes a field beyond what the library takes.
                with suppress(csv.Error):
                    for row in csv.reader(lines, delimiter=delimiter):
                        if len(row) >= needed:
                            return len(row), delimiter
        return None


def queue_lines(files: Sequence[Listed], met: Met) -> Iterator[list[str]]:
    """The fields of each line of queue_log: time, call, queue, agent, event, parameters."""
    for file in files:
        with opened(file) as raw, io.TextIOWrapper(raw, "utf-8", errors="replace") as text:
            for line in text:
                fields = line.rstrip("\r\n").split("|")
                # Newer writers add a fraction: 1763799012.482193.
                seconds = fields[0].partition(".")[0]
                if len(fields) < 5 or whole(seconds) is None:
                    met.stray(line.encode())
                else:
                    met.records += 1
                    yield [seconds, *_with_agent(fields[1:])]


def _with_agent(fields: list[str]) -> list[str]:
    """Call, queue, agent, event, parameters: Asterisk writes an agent's name as it is, also with
    bars in it, and events in capitals.
    """
    at = 3
    if fields[at] not in EVENTS and not _EVENT.fullmatch(fields[at]):
        at = next((n for n in range(at + 1, len(fields)) if fields[n] in EVENTS), at)
    return [*fields[:2], "|".join(fields[2:at]), *fields[at:]]
