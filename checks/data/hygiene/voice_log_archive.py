"""Is last month's voice log archived, and proven to come back? One archive a month, with manifest
and proof.

    find      /var/spool/asterisk/monitor/2026/10 is there            fault: directory-missing
    archive   the month has a proven archive that holds all of it     (then that is all)
    dump …    else it is archived, restored and compared              faults: those of `backup`

Rules: the month is the one before the attempt's own, by the site's clock. A month is archived once;
recordings that came later make it be archived anew. Archives are never removed here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from checks.contract import Check, Layer, Trace
from checks.data.backup.check import Backup
from checks.data.backup.listing import newest_proven
from checks.data.backup.run.parent import converse
from checks.kind import Duty
from checks.settings import Duration, LocalPath, Secret, SiteZone, StateFolder


def _monthly(path: Path) -> Path:
    if "%Y" not in str(path) or "%m" not in str(path):
        raise ValueError(
            f"{str(path)!r} does not name a month; write %Y and %m in it, as in"
            " '/var/spool/voice/%Y/%m'"
        )
    return path


class VoiceLogArchive(Check):
    """Archives last month's recordings once, and proves the archive."""

    KIND: ClassVar[str] = "voice-log-archive"
    BURDENS: ClassVar[bool] = True
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "voice-logs"
    SAMPLE: ClassVar[str] = """
[checks.voice-logs]
kind = "voice-log-archive"
at = ["05:15"]
recordings = "/var/spool/asterisk/monitor/%Y/%m"
folder = "/var/lib/reveille/voice-logs"
"""

    recordings: Annotated[LocalPath, AfterValidator(_monthly)]
    """the folder of one month's recordings, with %Y and %m where year and month stand"""
    folder: LocalPath
    """where the archives lie, a folder for each month"""
    recipients: tuple[Annotated[str, Field(pattern=r"^age1[0-9a-z]+$")], ...] = ()
    """age public keys (age1…) that archives are encrypted to"""
    identity: Secret | None = None
    """the age identity that reads encrypted archives for their proof"""
    megabytes_a_second: float | None = Field(default=None, gt=0)
    """how fast recordings are read at most; without it as fast as it goes"""
    state: StateFolder = ""
    """the monitor's state folder, which the loader knows"""
    timezone: SiteZone = ""
    """the site's, which the loader knows"""
    within: Duration = Field(default=14400.0, gt=0)
    """time limit for the whole"""

    def target(self) -> str:
        """The folder that the archives lie in."""
        return str(self.folder)

    def writes(self) -> tuple[Path, ...]:
        """Where the archives lie."""
        return (self.folder,)

    def measures(self) -> Mapping[str, str]:
        """What an archive tells, and its proof."""
        own = {
            "find_seconds": "finding the recordings, in seconds",
            "archive_seconds": "looking for the month's archive, in seconds",
            "recordings": "files and folders of the month",
            "archived": "those of them that the proven archive holds",
            "archive_age_days": "age of the proven archive, in days",
        }
        return {
            **Backup(engine="directory", path=self.folder / "month", folder=self.folder).measures(),
            **own,
        }

    def longest_seconds(self) -> float:
        """The time limit, and a little for the tidying."""
        return self.within + 60.0

    async def probe(self, trace: Trace) -> None:
        """Look for the archive; make it where there is none."""
        now = datetime.fromtimestamp(trace.began_at, UTC)
        month = (
            # The day before the first of this month is in the last one, whatever its length.
            now.astimezone(ZoneInfo(self.timezone)).replace(day=1) - timedelta(days=1)
        ).strftime("%Y-%m")
        year, _, number = month.partition("-")
        recordings = Path(str(self.recordings).replace("%Y", year).replace("%m", number))
        with trace.stage("find"):
            count, changed = await asyncio.to_thread(_seen, recordings)
            trace.measure("recordings", count)
        with trace.stage("archive"):
            proven = newest_proven(self.folder / month, self.state)
        # Recordings that came later make it be archived anew, also where as many have gone.
        if proven is None or proven.rows < count or changed > proven.data_as_of.timestamp():
            job = self._archive(month, recordings).job()
            # What has gone since is in the archive before alone: none makes room.
            await converse(replace(job, keep=(0, 0, 0)), trace)
            proven = newest_proven(self.folder / month, self.state)
        if proven is not None:
            trace.measure("archived", proven.rows)
            trace.measure("archive_age_days", (now - proven.data_as_of).total_seconds() / 86400)
            trace.note(
                f"voice log of {month}: {proven.rows} files and folders archived and proven,"
                f" {proven.id}"
            )

    def _archive(self, month: str, recordings: Path) -> Backup:
        return Backup(
            engine="directory",
            path=recordings,
            folder=self.folder / month,
            recipients=self.recipients,
            identity=self.identity,
            megabytes_a_second=self.megabytes_a_second,
            within=f"{self.within:g}s",
            state=self.state,
        )


def _seen(folder: Path) -> tuple[int, float]:
    """How much an archive of it would hold, and when a file of it last changed or got its name
    (ctime, UTC seconds): its mtime may be that of the call.
    """
    # Imported late: the daemon loads this kind, and the engine only where it runs.
    from checks.data.backup.engines.tree import entries

    count, changed = 0, 0.0
    for _, descriptor in entries(folder, ()):
        count += 1
        if descriptor >= 0:
            changed = max(changed, os.fstat(descriptor).st_ctime)
    return count, changed
