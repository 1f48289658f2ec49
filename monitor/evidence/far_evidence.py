"""Evidence that is too large for the ledger: put to a place elsewhere by the host that has it, and
taken from there by the others.

Rules:
1. What a host has is named in the ledger first: the others can say where it lies, and what a host
   that died was putting elsewhere is not forgotten there.
2. What comes is what was put: its SHA-256 is the ledger's, and the place is not trusted with it.
3. It is kept there for as long as hosts keep evidence, of a day no more than they do, and as long
   as an open ticket shows it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from monitor.evidence.far_store import FarStore, FarStoreFailed
from monitor.evidence.retention import shown
from monitor.evidence.sharing import EVER, OVERLAP, follows
from monitor.ledger import Ledger, LedgerAccess
from monitor.ledger.growth import folder_bytes
from monitor.ledger.large_exhibits import LargeExhibit

log = logging.getLogger(__name__)
_FORGOTTEN_AT_ONCE = 50
# Looks need 32 MB of a disk (monitor/scheduling/runner.py): what is another host's leaves far more.
_SPARE_BYTES = 500e6


class FarEvidence:
    """One host's part; `exhibits` is the folder of its evidence."""

    def __init__(self, exhibits: Path, host: str) -> None:
        self._exhibits, self._host = exhibits, host
        self._taken_to = EVER
        # What failed goes behind what was not tried yet: one file must not hold up all others.
        self._tries = Counter[str]()
        self._refused = set[str]()

    async def give(self, ledger: LedgerAccess, store: FarStore) -> int:
        """Put elsewhere what lies on this host alone; how many files. Raises FarStoreFailed,
        OSError, LedgerFault.
        """
        waiting = await ledger.read(lambda one: one.waiting_exhibits(self._host))
        given = 0
        for row in self._by_tries(waiting):
            file = self._exhibits / row.path
            # What was swept meanwhile is nowhere; its row goes in its time.
            if not follows(row.path) or not await asyncio.to_thread(_is_plain, file):
                continue
            self._tries[row.path] += 1
            sha256 = await asyncio.to_thread(_sha256, file)
            await store.put(file, row.path)
            await ledger.do(partial(Ledger.exhibit_stored, path=row.path, sha256=sha256))
            del self._tries[row.path]
            given += 1
        return given

    async def take(self, ledger: LedgerAccess, store: FarStore, most_bytes: int) -> int:
        """Fetch what others put there and this host has not; how many files. Of a day no more than
        `most_bytes` lie here: more would be swept away. Raises FarStoreFailed, OSError,
        LedgerFault.
        """
        since = max(self._taken_to - OVERLAP, EVER)
        rows = await ledger.read(lambda one: one.stored_exhibits(since))
        taken = 0
        for row in self._by_tries(rows):
            if not await asyncio.to_thread(self._wanted, row, most_bytes):
                continue
            self._tries[row.path] += 1
            taken += await self._fetched(row, store)
            del self._tries[row.path]
        if rows and rows[-1].stored_at is not None:
            self._taken_to = rows[-1].stored_at
        return taken

    async def forget(
        self, ledger: LedgerAccess, store: FarStore | None, before: datetime, most_bytes: int
    ) -> int:
        """Remove there, and from the ledger, some of what was kept for long enough; how many files.
        Raises FarStoreFailed, LedgerFault, Unreadable.
        """
        rows = await ledger.read(Ledger.large_exhibits)
        if not rows:
            return 0
        needed = {f"{one.parent.name}/{one.name}" for one in await ledger.read(shown)}
        some = going(rows, needed, before, most_bytes)[:_FORGOTTEN_AT_ONCE]
        if store is not None and (there := [path for path in some if follows(path)]):
            await store.forget(there)
        if some:
            await ledger.do(partial(_forget, paths=some))
        return len(some)

    def _by_tries(self, rows: Sequence[LargeExhibit]) -> list[LargeExhibit]:
        return sorted(rows, key=lambda row: self._tries[row.path])

    def _wanted(self, row: LargeExhibit, most_bytes: int) -> bool:
        to = self._exhibits / row.path
        if row.host == self._host or row.path in self._refused or not follows(row.path):
            return False
        if to.exists() or folder_bytes(self._exhibits / row.path[:10]) + row.size > most_bytes:
            return False
        self._exhibits.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (left := shutil.disk_usage(self._exhibits).free - row.size) < _SPARE_BYTES:
            raise FarStoreFailed(
                f"{row.size / 1e6:.0f} MB of {row.host} would leave {max(left, 0) / 1e6:.0f} MB"
                f" where {self._exhibits} lies; below {_SPARE_BYTES / 1e6:.0f} MB it is left there"
            )
        return True

    async def _fetched(self, row: LargeExhibit, store: FarStore) -> bool:
        to = self._exhibits / row.path
        beside = to.with_name(f".{to.name}.part")
        # Only the daemon's own user may read recordings of calls, whatever rclone makes of them.
        await asyncio.to_thread(to.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
        try:
            await store.fetch(row.path, beside, row.size)
            whole = await asyncio.to_thread(_sha256, beside) == row.sha256
            if whole:
                beside.chmod(0o600)
                beside.replace(to)
        finally:
            beside.unlink(missing_ok=True)
        if not whole:
            self._refused.add(row.path)
            log.error("action=evidence_differs path=%s it is not what %s put", row.path, row.host)
        return whole


def going(
    rows: Sequence[LargeExhibit], needed: Collection[str], before: datetime, most_bytes: int
) -> list[str]:
    """The paths of what goes: what came before a moment, and of a day what is beyond so many bytes,
    the oldest first; never what is `needed` (DAY/LOOK).
    """
    left = Counter[str]()
    for row in rows:
        left[row.path[:10]] += row.size
    doomed = []
    for row in sorted(rows, key=lambda row: (row.at, row.path)):
        day = row.path[:10]
        if "/".join(row.path.split("/")[:2]) in needed:
            continue
        if row.at < before or left[day] > most_bytes:
            left[day] -= row.size
            doomed.append(row.path)
    return doomed


def _forget(ledger: Ledger, paths: list[str]) -> None:
    with ledger.transaction() as t:
        t.forget_large_exhibits(paths)


def _is_plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _sha256(file: Path) -> str:
    with open(file, "rb", opener=_itself) as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _itself(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)
