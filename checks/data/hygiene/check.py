"""Are records kept as long as agreed, and no longer? The live database 90 days, the reporting one
180; cleanup beyond.

    connect         both databases                        faults: refused, login-refused,
                    no-such-table …
    clock           theirs and ours agree                 faults: clock, stale
    live-look       how many lie beyond the cut-off
    live-compare    equal in the reporting database       fault: differs
    live-backup     in the newest proven backup           fault: not-in-backup
    live-clean      removed, the journal first            fault: journal
    live-judge      nothing is older than it may be       fault: overdue
    reporting-…     the same, but for the comparison

Rules: nothing is removed unless `clean`, and then only under every condition (cleaning.py); in a
process of its own at low priority. What was removed stands in `folder`/cleanups.jsonl; `reveille
backup restore` removes it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.data.usage.sources import FilePattern, Name, Server, place_of, times_of
from checks.kind import Duty
from checks.process.events import Told, concluded, followed
from checks.process.parent import python
from checks.settings import Duration, LocalPath, Settings, SiteZone, StateFolder

_PROGRAM = "checks.data.hygiene.child"


class Database(Settings):
    """One database: exactly one of sqlite, postgresql and mariadb. The account may DELETE from the
    table, no more.
    """

    sqlite: FilePattern | None = None
    """SQLite file"""
    postgresql: Server | None = None
    """PostgreSQL server"""
    mariadb: Server | None = None
    """MariaDB or MySQL server"""
    table: Name = "cdr"
    """the table of the records"""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(place is not None for place in (self.sqlite, self.postgresql, self.mariadb)) != 1:
            raise ValueError("name one database: sqlite, postgresql or mariadb")
        return self

    def plain(self) -> dict[str, Any]:
        """For the child process, the password revealed. Raises LookupError."""
        server = self.postgresql or self.mariadb
        which = next(
            kind for kind in ("sqlite", "postgresql", "mariadb") if getattr(self, kind) is not None
        )
        return {
            "kind": which,
            "path": None if self.sqlite is None else str(self.sqlite),
            "server": None if server is None else server.plain(),
            "table": self.table,
        }


class Hygiene(Check):
    """Old records: still there, safe elsewhere, and removed where that is wanted."""

    KIND: ClassVar[str] = "hygiene"
    BURDENS: ClassVar[bool] = True
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "cleanup"
    SAMPLE: ClassVar[str] = """
# It only says what could go; clean = true removes it, once it is elsewhere and proven.
[checks.retention]
kind = "hygiene"
at = ["05:00"]
time = "calldate"
folder = "/var/lib/reveille/hygiene"
proven_in = "/var/lib/reveille/backups/asterisk"

[checks.retention.live]

[checks.retention.live.postgresql]
database = "asterisk"
user = "hygiene"
password = { credential = "hygiene" }

[checks.retention.reporting]

[checks.retention.reporting.postgresql]
database = "reports"
user = "hygiene"
password = { credential = "hygiene" }
"""

    live: Database
    """the database that the platform works with"""
    reporting: Database | None = None
    """the reporting database, which must hold every record before the live one loses it"""
    time: Name = "start"
    """the column that says when a record is of"""
    times: Annotated[str, AfterValidator(times_of)] = Field(default="site", examples=["utc"])
    """what its wall times are: "site", "utc", "epoch" (seconds since 1970) or an IANA zone"""
    columns: tuple[Name, ...] = ()
    """what is compared; without it every column of the live table"""
    keep_days: int = Field(default=90, ge=1)
    """how many days the live database keeps, today not counted"""
    reporting_days: int = Field(default=180, ge=1)
    """how many days the reporting database keeps"""
    grace_days: int = Field(default=1, ge=0)
    """so many days more may still be there before it is a fault"""
    folder: LocalPath
    """where the journal of what was removed is kept; it must be there"""
    proven_in: LocalPath | None = None
    """the folder of the proven backups of the live database; without it nothing is removed"""
    reporting_proven_in: LocalPath | None = None
    """the folder of the proven backups of the reporting database"""
    backup_within: Duration = Field(default=129600.0, gt=0)
    """how old the newest proven backup may be for anything to be removed"""
    clean: bool = False
    """whether records are removed; without it is only said what could go. The first run always only
    says it
    """
    most_days: int = Field(default=2, ge=1, le=366)
    """how many days of records one run may remove from each database"""
    batch_rows: int = Field(default=5000, ge=1, le=1_000_000)
    """how many records one transaction removes"""
    newest_within: Duration = Field(default=604800.0, gt=0)
    """how old the newest record may be: older, and either nothing is written or the clock
    is wrong
    """
    state: StateFolder = ""
    """the monitor's state folder, which the loader knows"""
    timezone: SiteZone = ""
    """the site's, which the loader knows"""
    within: Duration = Field(default=3600.0, gt=0)
    """time limit for the whole"""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        # Both together are what makes a removal safe: the record is elsewhere, and it is known to
        # come back.
        if self.clean and (self.reporting is None or self.proven_in is None):
            raise ValueError(
                "clean = true needs both: a reporting database, and proven_in, a folder of proven"
                " backups"
            )
        # The reporting database loses nothing that the live one still has: it is the last place of
        # a record.
        if self.reporting is not None and self.reporting_days <= self.keep_days:
            raise ValueError(
                f"reporting_days = {self.reporting_days} must be more than the live keep_days ="
                f" {self.keep_days}"
            )
        return self

    def target(self) -> str:
        """The database whose records are moved and deleted."""
        return place_of(self.live.sqlite, self.live.postgresql or self.live.mariadb)

    def writes(self) -> tuple[Path, ...]:
        """Where the journal is kept."""
        return (self.folder,)

    def measures(self) -> Mapping[str, str]:
        """What either database tells."""
        told = {
            "connect_seconds": "reaching the databases, in seconds",
            "clock_seconds": "comparing clocks, in seconds",
        }
        for name in ("live", "reporting") if self.reporting else ("live",):
            for stage in ("look", "compare", "backup", "clean", "judge"):
                told[f"{name}_{stage}_seconds"] = f"{name} database: the stage {stage}, in seconds"
            told |= {
                f"{name}_oldest_days": f"age of the oldest record of the {name} database, in days",
                f"{name}_records_beyond": (
                    f"records of the {name} database beyond the cut-off, before the run"
                ),
                f"{name}_days_beyond": f"days of such records in the {name} database",
                f"{name}_records_removed": f"records removed from the {name} database",
                f"{name}_records_overdue": (
                    f"records of the {name} database older than it may be, after the run"
                ),
            }
        return told

    def longest_seconds(self) -> float:
        """The time limit, and a little for the closing."""
        return self.within + 5.0

    async def probe(self, trace: Trace) -> None:
        """Look, and clean where that is wanted."""
        now = trace.began_at
        trace.remember("at", now)
        await self._done(self._job("clean", now, trace.recalled.get("at")), trace)

    def cleans(self, engine: str, database: str, path: Path | None) -> bool:
        """Whether this is the live database that a backup is of."""
        if self.live.sqlite is not None:
            return (
                engine == "sqlite"
                and path is not None
                # Resolved: a link to the live file is the live file.
                and self.live.sqlite.resolve() == path.resolve()
            )
        server = self.live.postgresql or self.live.mariadb
        own = "postgresql" if self.live.postgresql else "mariadb"
        return engine == own and server is not None and server.database == database

    async def replay(self, trace: Trace, to: str = "") -> None:
        """Remove again what was removed, from the live database or from `to`, which was restored (a
        database's name, or a file). Raises Failed, CannotTell.
        """
        # A copy of the job: the live place in it is changed for this run alone.
        job = {**self._job("replay", 0.0, None)}
        if to and job["live"]["server"]:
            job["live"]["server"]["database"] = to
        elif to:
            job["live"]["path"] = to
        told = await self._done(job, trace)
        trace.note(
            f"hygiene: {told['removed']:.0f} records that had been removed are removed again"
        )

    async def _done(self, job: Told, trace: Trace) -> Told:
        return concluded(await followed(python(_PROGRAM), job, trace, self.within), trace)

    def _job(
        self, do: Literal["clean", "replay"], now: float, before: float | None
    ) -> dict[str, Any]:
        # Before the databases are asked: without its journal nothing is removed, and it may lie on
        # a disk that is not mounted.
        if not self.folder.is_dir():
            raise Failed(
                "journal", f"there is no folder {self.folder} for the journal", origin="local"
            )
        try:
            live, reporting = self.live.plain(), self.reporting.plain() if self.reporting else None
        except LookupError as missing:
            raise CannotTell(f"a database's password is not to be had: {missing}") from None
        return {
            "do": do,
            "now": now,
            "before": before,
            "zone": self.timezone,
            "live": live,
            "reporting": reporting,
            "time": self.time,
            "times": self.times,
            "columns": list(self.columns),
            "keep_days": self.keep_days,
            "reporting_days": self.reporting_days,
            "grace_days": self.grace_days,
            "folder": str(self.folder),
            "state": self.state,
            "proven_in": str(self.proven_in or ""),
            "reporting_proven_in": str(self.reporting_proven_in or ""),
            "backup_within": self.backup_within,
            "clean": self.clean,
            "most_days": self.most_days,
            "batch": self.batch_rows,
            "newest_within": self.newest_within,
        }
