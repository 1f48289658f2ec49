"""Evidence follows: what one host has seen of a failure, every host of its ledger can show.

Rules:
1. The evidence of looks that were not good goes into the ledger, each file up to a size; from there
   every host takes what it has not, to the same place below its own folder.
2. What is larger is named there, so that each can say on which host it lies; the place elsewhere,
   if there is one, has it for the others (far_evidence.py).
3. A path is data: only what lies below a day's folder is written.
4. The ledger keeps it for as long as hosts keep evidence, and as long as an open ticket shows it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.config import Configuration
from monitor.evidence.retention import shown
from monitor.ledger import Ledger
from monitor.ledger.exhibits import ExhibitRow

# A failed call's page, ladder and two minutes of sound; more of it costs each host as much.
MOST_BYTES = 4_000_000
# Rows come in the order of their commits, and not of their moments.
OVERLAP = timedelta(minutes=2)
_FORGOTTEN_AT_ONCE = 50
# Whoever changes the ledger waits so long: a second or two of a slow way.
BYTES_AT_ONCE = 8_000_000
_LOOKS_AT_ONCE = 500
_PATH = re.compile(r"\d{4}-\d\d-\d\d(/[^/\x00-\x1f]{1,200}){2,4}", re.ASCII)
EVER = datetime(1970, 1, 1, tzinfo=UTC)


class SharedEvidence:
    """One host's part. Everything here waits for the ledger and the disk."""

    def __init__(
        self,
        exhibits: Path,
        host: str,
        *,
        most_bytes: int = MOST_BYTES,
        bytes_at_once: int = BYTES_AT_ONCE,
    ) -> None:
        self._exhibits, self._host = exhibits, host
        self._most_bytes, self._bytes_at_once = most_bytes, bytes_at_once
        self._given: set[str] | None = None
        self.behind = False
        """whether some was left for the next time"""
        # What came before the last time was given and taken then; everything at the first.
        self._given_to = self._taken_to = EVER

    def found(self, ledger: Ledger, now: datetime, look_back: timedelta) -> list[Path]:
        """The folders of looks since then that were not good. It reads for long where there are
        many looks: no change is to wait for it.
        """
        since = max(self._given_to - OVERLAP, now - look_back)
        return [Path(one).parent for one in ledger.bad_exhibits(since, _LOOKS_AT_ONCE)]

    def give(
        self, ledger: Ledger, now: datetime, look_back: timedelta, folders: list[Path] | None = None
    ) -> int:
        """Put this host's evidence of looks since then into the ledger; how many files, without
        those that are too large and only named. `folders`: those that were found.
        """
        since = max(self._given_to - OVERLAP, now - look_back)
        folders = self.found(ledger, now, look_back) if folders is None else folders
        if self._given is None:  # what this host gave before it was started again
            self._given = {row.path for row in ledger.exhibits(since) if row.host == self._host}
            self._given |= {row.path for row in ledger.large_exhibits() if row.host == self._host}
        given = size = 0
        for path, file in self._own(folders):
            if path in self._given:
                continue
            if size >= self._bytes_at_once:
                self.behind = True
                return given
            if (bytes_there := file.stat().st_size) > self._most_bytes:
                ledger.name_large_exhibit(path, self._host, bytes_there)
            else:
                ledger.put_exhibit(path, self._host, body := file.read_bytes())
                given, size = given + 1, size + len(body)
            self._given.add(path)
        self._given_to, self.behind = now, False
        return given

    def take(self, ledger: Ledger) -> int:
        """Write what other hosts gave and this one has not; how many files. Raises OSError."""
        rows = ledger.exhibits(max(self._taken_to - OVERLAP, EVER))
        missing = [row for row in rows if row.host != self._host and self._is_missing(row)]
        for row in missing:
            if (body := ledger.exhibit(row.path)) is not None:
                self._write(self._exhibits / row.path, body)
        self._taken_to = rows[-1].at if rows else self._taken_to
        return len(missing)

    def forget(self, ledger: Ledger, configuration: Configuration, now: datetime) -> int:
        """Remove from the ledger some of what has been kept for long enough; how many files."""
        before = now - timedelta(seconds=configuration.keep_evidence)
        needed = {f"{one.parent.name}/{one.name}" for one in shown(ledger)}
        old = [row.path for row in ledger.exhibits(EVER) if row.at < before]
        going = [one for one in old if "/".join(one.split("/")[:2]) not in needed]
        if some := going[:_FORGOTTEN_AT_ONCE]:
            with ledger.transaction() as t:
                t.forget_exhibits(some)
            self._given = (self._given or set()) - set(some)
        return len(some)

    def _own(self, folders: list[Path]) -> Iterator[tuple[str, Path]]:
        """The files of folders that lie here, by their paths in the ledger."""
        for folder in dict.fromkeys(folders):
            if not folder.is_relative_to(self._exhibits) or not folder.is_dir():
                continue
            for file in sorted(folder.rglob("*")):
                path = file.relative_to(self._exhibits).as_posix()
                if file.is_file() and not file.is_symlink() and _PATH.fullmatch(path):
                    yield path, file

    def _is_missing(self, row: ExhibitRow) -> bool:
        return follows(row.path) and not (self._exhibits / row.path).exists()

    def _write(self, to: Path, body: bytes) -> None:
        # Only the daemon's own user may read recordings of calls.
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = to.with_name(f".{to.name}.part")
        with open(beside, "wb", opener=_private) as file:
            file.write(body)
        beside.replace(to)


def follows(path: str) -> bool:
    """Whether a path that stands in the ledger is one of evidence, below the folder of a day."""
    return bool(_PATH.fullmatch(path)) and ".." not in path.split("/")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
