"""The kinds `backup` and `backup-proof`: a database or a folder, backed up; a backup, restored and
compared.

    dump      connect, one snapshot, the tools' own dump, rows and hashes beside it    login,
              client-older …
    write     manifest and RESTORE.md, fsync, the name                                 no-space,
              not-written
    copy      a second disk, rclone, restic                                            copy-failed,
              copy-differs
    restore   unpack, a server to throw away, the tools' own restore                   damaged,
              wrong-key …
    compare   schema, rows, hashes, sequences, newest record                           differs

A second run at once is refused ("already-running"). Whatever fails is a fault, also where this host
is to blame: there is no backup then, and that is what one has to know. Only a secret that this
process does not have says nothing of the backups: it is UNKNOWN.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from checks.contract import Check, Layer, Trace
from checks.data.backup.copy_settings import Copy, revealed
from checks.data.backup.engines.tree import refuse_within
from checks.data.backup.job import Do, Engine, Job, Source
from checks.data.backup.run.parent import converse
from checks.kind import Backups, Duty
from checks.settings import Duration, LocalPath, Secret, StateFolder
from checks.target import of_host
from checks.transport.clear_text import MEANT, ClearText, is_here

# Decimal, as rates of networks and sizes of disks are told.
_MEGABYTE = 1_000_000


class _Kept(Check):
    """What taking and proving have in common."""

    LAYER: ClassVar[Layer] = Layer.APPLICATION

    folder: LocalPath
    """where the backups of this one source lie"""
    identity: Secret | None = None
    """the age identity (AGE-SECRET-KEY-1…) that reads encrypted backups for their proof"""
    keep_days: int = Field(default=7, ge=1)
    """how many days have a backup of their own; proven ones alone are counted"""
    keep_weeks: int = Field(default=5, ge=0)
    """how many ISO weeks have one"""
    keep_months: int = Field(default=12, ge=0)
    """how many months have one"""
    jobs: int = Field(default=2, ge=1, le=16)
    """how much is dumped and restored at the same time"""
    scratch: LocalPath | None = None
    """where proofs restore to; without it the folder itself. As a service the drill's own unit has
    its place (/var/tmp)
    """
    run_as: str = ""
    """the user that runs the sandbox of a proof where Reveille is root; without it a number that
    nobody else has
    """
    extensions: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")], ...] = ()
    """extensions of PostgreSQL that a proof makes though only a superuser can, since tables need
    them; without it they are compared as text
    """
    tools: LocalPath | None = None
    """the folder of the database's own programs, where they are not to be found"""
    nice: int = Field(default=10, ge=0, le=19)
    """how far the worker steps back from others on this host"""
    within: Duration = Field(default=14400.0, gt=0)
    """time limit for the whole"""
    state: StateFolder = ""
    """the monitor's state folder, which the loader knows"""

    def longest_seconds(self) -> float:
        """The time limit, and a little for the tidying."""
        # Within the limit the worker is asked to end, and needs a while to stop its tools and
        # remove what it had begun.
        return self.within + 60.0

    def writes(self) -> tuple[Path, ...]:
        """Where the backups lie, and where proofs restore to."""
        return (self.folder, *((self.scratch,) if self.scratch else ()))

    async def probe(self, trace: Trace) -> None:
        """Have it done by a worker."""
        await converse(self.job(), trace)

    def job(self, do: Do | None = None, at: str = "", to: str = "", overwrite: bool = False) -> Job:
        """What the worker is to do. Raises CannotTell where a secret is missing."""
        raise NotImplementedError

    def _identities(self) -> tuple[str, ...]:
        return (revealed(self.identity),) if self.identity else ()

    def target(self) -> str:
        """The folder that the backups lie in."""
        return str(self.folder)

    def measures(self) -> dict[str, str]:
        """What a proof tells."""
        return {
            "restore_seconds": "unpacking and restoring, in seconds",
            "compare_seconds": "reading the restored database and comparing it, in seconds",
            "proof_seconds": "the whole proof, in seconds",
            "proven_rows": "rows found equal",
            "backups_proven": "backups that were restored and found equal",
            "backups_kept": "backups in the folder",
        }


class BackupProof(_Kept):
    """Restores the newest backup of a folder into something throw-away and compares it with what
    was backed up.
    """

    KIND: ClassVar[str] = "backup-proof"
    BURDENS: ClassVar[bool] = True
    DUTY: ClassVar[Duty] = "backup"
    BACKUPS: ClassVar[Backups] = "proves"
    SAMPLE: ClassVar[str] = """
[checks.records-proof]
kind = "backup-proof"
at = ["05:30"]
folder = "/var/lib/reveille/backups/asterisk"
"""

    def job(self, do: Do | None = None, at: str = "", to: str = "", overwrite: bool = False) -> Job:
        """What the worker is to do. Raises CannotTell."""
        tools = Source("directory", tools=str(self.tools)) if self.tools else None
        return Job(
            do=do or "prove",
            folder=str(self.folder),
            source=tools,
            identities=self._identities(),
            jobs=self.jobs,
            keep=(self.keep_days, self.keep_weeks, self.keep_months),
            state=self.state,
            scratch=str(self.scratch or ""),
            run_as=self.run_as,
            extensions=self.extensions,
            nice=self.nice,
            at=at,
            to=to,
            overwrite=overwrite,
        )


class Backup(ClearText, _Kept):
    """Backs up a database or a folder in standard formats, and proves at once that it restores, row
    for row.
    """

    KIND: ClassVar[str] = "backup"
    BURDENS: ClassVar[bool] = True
    DUTY: ClassVar[Duty] = "backup"
    BACKUPS: ClassVar[Backups] = "takes"
    SAMPLE: ClassVar[str] = """
# It is restored and compared at once; `reveille backup list` shows what there is.
[checks.records-backup]
kind = "backup"
at = ["04:00"]
engine = "postgresql"
database = "asterisk"
user = "backup"
password = { credential = "backup" }
folder = "/var/lib/reveille/backups/asterisk"
newest_record = "SELECT max(calldate) FROM cdr"
"""

    engine: Engine
    """what is backed up: postgresql, mariadb (MySQL too), sqlite or directory"""
    database: str = ""
    """name of the database on its server"""
    host: str = ""
    """the server: a host, or a folder (PostgreSQL) or path (MariaDB) of its socket; without it the
    local socket
    """
    port: int = Field(default=0, ge=0, le=65535)
    """the server's port; without it the usual one"""
    user: str = ""
    """who reads; must be allowed to read every table"""
    password: Secret | None = None
    """the user's password"""
    path: LocalPath | None = None
    """the SQLite file, or the directory"""
    exclude: tuple[str, ...] = ()
    """of a directory: patterns of what is left out, as in "*.tmp" or "cache/*" """
    newest_record: str = Field(default="", examples=["SELECT max(calldate) FROM cdr"])
    """a question in SQL whose answer must be the same in the restored database: its newest call
    record, say
    """
    prove: bool = True
    """restore and compare at once; false where a `backup-proof` does that later"""
    recipients: tuple[Annotated[str, Field(pattern=r"^age1[0-9a-z]+$")], ...] = ()
    """age public keys (age1…) that the backup is encrypted to"""
    megabytes_a_second: float | None = Field(default=None, gt=0)
    """how fast the source is read at most; without it as fast as it goes"""
    part_megabytes: float = Field(default=64.0, gt=0)
    """a partition as large as this has an archive of its own, dumped anew only when its content has
    changed
    """
    shrink_percent: float = Field(default=100.0, ge=0, le=100)
    """how much smaller (in rows) than the one before a backup may be; an empty one is refused
    anyway
    """
    copies: tuple[Copy, ...] = Field(
        default=(), examples=[[{"folder": "/mnt/second-disk/backups"}]]
    )
    """other places for every backup"""
    rehearsed_on: date | None = Field(default=None, examples=["2026-11-20"])
    """the day on which somebody last restored it by its RESTORE.md on a fresh host; without one the
    morning report says "never rehearsed"
    """

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.engine in ("postgresql", "mariadb") and not self.database:
            raise ValueError(f'{self.engine} needs the name of a database: database = "asterisk"')
        if self.engine in ("sqlite", "directory") and self.path is None:
            raise ValueError(f'{self.engine} needs a path: path = "/var/lib/asterisk/…"')
        if self.engine == "directory" and self.path is not None:
            refuse_within(self.path, self.writes(), self.exclude)
        # Only the identity decrypts: a backup that nobody here can read again is not proven, and is
        # not called so.
        if self.recipients and self.prove and self.identity is None:
            raise ValueError(
                "an encrypted backup cannot be proven without an identity; name one, or set prove ="
                " false"
            )
        return self

    def writes(self) -> tuple[Path, ...]:
        """The folders of its copies too."""
        copies = (copy.folder for copy in self.copies)
        return (*super().writes(), *(folder for folder in copies if folder))

    def clear_text(self) -> str | None:
        """The password, and every row, to another host: its dump programs verify nobody."""
        if self.password is None or is_here(self.host):
            return None
        return (
            "its password and every row go over the network to a server that has not proven itself;"
            f" back up beside the database, over its local socket, or through a tunnel, {MEANT}"
        )

    def target(self) -> str:
        """The database and its host, or the directory or file that is kept."""
        if self.path is not None:
            return str(self.path)
        return f"{self.database} at {of_host(self.host, self.port)}" if self.host else self.database

    async def try_out(self, trace: Trace) -> bool:
        """Ask the source whether it could be read and restored; nothing is dumped."""
        await converse(self.job("try"), trace)
        return True

    def measures(self) -> dict[str, str]:
        """What a backup tells, and its proof."""
        own = {
            "dump_seconds": "dumping, counting and hashing in one snapshot, in seconds",
            "write_seconds": "giving the backup its name, in seconds",
            "copy_seconds": "copying it out, in seconds",
            "backup_seconds": "the whole of taking it, in seconds",
            "backup_bytes": "size of the backup, in bytes",
            "database_bytes": "size of what was backed up, in bytes",
            "rows": "rows in it",
            "copies": "other places that have it",
        }
        return {**own, **super().measures()}

    def job(self, do: Do | None = None, at: str = "", to: str = "", overwrite: bool = False) -> Job:
        """What the worker is to do. Raises Failed."""
        return Job(
            do=do or ("take-and-prove" if self.prove else "take"),
            folder=str(self.folder),
            source=self._source(),
            recipients=self.recipients,
            identities=self._identities(),
            bytes_a_second=self.megabytes_a_second and self.megabytes_a_second * _MEGABYTE,
            jobs=self.jobs,
            part_bytes=int(self.part_megabytes * _MEGABYTE),
            keep=(self.keep_days, self.keep_weeks, self.keep_months),
            copies=tuple(copy.plain() for copy in self.copies),
            state=self.state,
            scratch=str(self.scratch or ""),
            run_as=self.run_as,
            extensions=self.extensions,
            nice=self.nice,
            shrink_percent=self.shrink_percent,
            at=at,
            to=to,
            overwrite=overwrite,
        )

    def _source(self) -> Source:
        return Source(
            engine=self.engine,
            host=self.host,
            port=self.port,
            user=self.user,
            password=revealed(self.password) if self.password else "",
            database=self.database,
            path=str(self.path or ""),
            exclude=self.exclude,
            newest_record=self.newest_record,
            tools=str(self.tools or ""),
        )
