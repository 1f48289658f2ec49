"""A database, its backups, and what may befall them: the world in which backups are taken, spoilt,
proven and restored.

Used by the tests (a sample) and by `./reveille bench backup-faults` (everything).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import zstandard

from checks.contract import CannotTell, Failed, Observation, Trace
from checks.data.backup.check import Backup, BackupProof
from checks.data.backup.job import Job
from checks.data.backup.listing import Kept, kept
from checks.data.backup.run.parent import converse
from tests.loopback.databases import Postgres

PEERS = ("age", "mariadb-dump", "rclone", "zstd")
RECORDS = 20_000
_TABLE = "cdr (id bigint PRIMARY KEY, calldate timestamptz, src text, billsec int)"


def peers_missing() -> list[str]:
    """Which of the programs that a backup meets are not on this machine."""
    return [name for name in PEERS if shutil.which(name) is None]


def observe(check: Backup | BackupProof, scratch: Path, job: Job | None = None) -> Observation:
    """One attempt, as the runner makes it."""
    trace = Trace(time.monotonic, scratch)
    try:
        asyncio.run(converse(job or check.job(), trace))
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()


def fault_of(seen: Observation) -> str:
    """'stage: code', or "" where all went well."""
    return f"{seen.fault.stage}: {seen.fault.code}" if seen.fault else ""


def workers() -> list[psutil.Process]:
    """The workers that this process has started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "checks.data.backup.run.worker" in child.cmdline():
                found.append(child)
        except psutil.Error:
            continue
    return found


def kill_worker(after_seconds: float) -> bool:
    """SIGKILL the worker so many seconds after it was seen; True if it was still at work. Call it
    in a thread.
    """
    deadline = time.monotonic() + 20
    while not (found := workers()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    time.sleep(after_seconds)  # the point that was drawn by lot
    try:
        found[0].kill()
    except psutil.NoSuchProcess:
        return False
    return True


class World:
    """One source and its repository under a folder. `check` is what the configuration would be."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder, self.settings = folder, dict(settings)
        self.repository = folder / "kept"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)

    def check(self, **more: Any) -> Backup:
        """The check, with other settings where given."""
        common = {"folder": self.repository, "scratch": self.folder, "nice": 0}
        return Backup(**{**self.settings, **common, **more})

    def take(self, **more: Any) -> Observation:
        """Back up and prove."""
        return observe(self.check(**more), self.folder)

    def drill(self, **more: Any) -> Observation:
        """Prove the newest."""
        check = self.check(**more)
        return observe(check, self.folder, check.job("prove"))

    def restore(
        self, to: str = "", overwrite: bool = False, at: str = "", **more: Any
    ) -> Observation:
        """Back onto the live one."""
        check = self.check(**more)
        return observe(check, self.folder, check.job("restore", at, to, overwrite))

    def backups(self) -> tuple[Kept, ...]:
        """What there is."""
        return kept(self.repository)

    def newest(self) -> Path:
        """The folder of the newest backup."""
        return self.backups()[0].folder

    def artefact(self, start: str) -> Path:
        """One file of the newest backup."""
        return next(path for path in sorted(self.newest().iterdir()) if path.name.startswith(start))

    def copy(self, folder: Path) -> World:
        """The same backups in another place, to be spoilt there."""
        other = World(folder, self.settings)
        if self.repository.exists():
            shutil.copytree(self.repository, other.repository)
        return other

    def manifest(self) -> dict[str, Any]:
        """That of the newest backup."""
        body: dict[str, Any] = json.loads((self.newest() / "manifest.json").read_text())
        return body

    def rewrite_manifest(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change it as somebody who may write there could."""
        body = self.manifest()
        change(body)
        (self.newest() / "manifest.json").write_text(json.dumps(body))

    def repack(self, start: str, change: Callable[[bytes], bytes]) -> None:
        """Change an artefact's plain content, and make its checksums right again: only a restore
        can find that.
        """
        path = self.artefact(start)
        plain = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
        changed = change(plain)
        assert changed != plain, "nothing was changed"
        path.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(changed))
        digest, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size

        def right(body: dict[str, Any]) -> None:
            for artefact in body["artefacts"]:
                if artefact["name"] == path.name:
                    artefact |= {"sha256": digest, "bytes": size, "plain_bytes": len(changed)}

        self.rewrite_manifest(right)

    def left_over(self) -> list[str]:
        """What a crash left in the folder; nothing, once the next run is through."""
        places = [self.folder, self.repository]
        return [path.name for place in places if place.is_dir() for path in place.iterdir()
                if path.name.startswith((".partial-", ".scratch-", ".remove-"))]  # fmt: skip


def postgres_world(server: Postgres, folder: Path, database: str, records: int = RECORDS) -> World:
    """A PostgreSQL database with call records, a role of its own, an extension."""
    server.create(database)
    server.run(
        f"DO $$ BEGIN CREATE ROLE {database}_owner LOGIN PASSWORD 'quiet'; EXCEPTION WHEN"
        " duplicate_object THEN END $$"
    )
    for statement in (
        f"CREATE TABLE {_TABLE}",
        f"ALTER TABLE cdr OWNER TO {database}_owner",
        "CREATE EXTENSION hstore",
        "CREATE INDEX cdr_src ON cdr (src)",
        (
            "INSERT INTO cdr SELECT i, '2026-11-21'::timestamptz + i * interval '4 seconds',"
            f" md5(i::text), 100000 + i % 500 FROM generate_series(1, {records}) AS i"
        ),
    ):
        server.run(statement, database)
    return World(
        folder,
        {
            "engine": "postgresql",
            "host": str(server.sockets),
            "user": "postgres",
            "database": database,
            "newest_record": "SELECT max(calldate) FROM cdr",
        },
    )


def sqlite_world(folder: Path, records: int = RECORDS) -> World:
    """A SQLite file with call records."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "cdr.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute(
            "CREATE TABLE cdr (id INTEGER PRIMARY KEY, calldate TEXT, src TEXT, billsec INT)"
        )
        rows = (
            (i, f"2026-11-21 {i % 24:02}:00:00", f"caller {i}", 100000 + i % 500)
            for i in range(records)
        )
        database.executemany("INSERT INTO cdr VALUES (?, ?, ?, ?)", rows)
        database.commit()
    settings = {"engine": "sqlite", "path": path, "newest_record": "SELECT max(calldate) FROM cdr"}
    return World(folder, settings)
