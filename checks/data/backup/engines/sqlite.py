"""A SQLite database: copied by its online backup in ONE step, counted and hashed in the snapshot of
that copy.

A backup in several steps begins anew at each write from outside and may never end; one step
disturbs a writer for about a millisecond in WAL mode. There the rows are read in the very
transaction that is copied; without WAL a reader would hold writers up, so the copy itself is read.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checks.contract import Failed
from checks.data.backup.engine import (
    Found,
    Previous,
    Taken,
    Work,
    compared,
    found_of,
    told_tables,
)
from checks.data.backup.engines.file_road import bring_back, restored_apart
from checks.data.backup.job import Source
from checks.data.backup.store.archive_file import OWN_ROOM_BYTES
from checks.data.backup.store.manifest import Content, Manifest
from checks.data.backup.store.throttle import Throttle
from checks.data.sqlite_defence import defended, ended_after

DATABASE = "database.sqlite"
HASHED_BY = "sha256 of the rows in the order of their keys"
_ROWS_AT_ONCE = 2000
_BUSY_SECONDS = 60.0
# One record of a table: with an index milliseconds, without one the time of reading it all.
_NEWEST_SECONDS = 600.0
_PLAIN = "copy.sqlite"
# What an application registers itself (sqlite3_create_collation, sqlite3_create_function).
_COLLATION = re.compile(rb"\bcollate\s{1,9}[\"'`\[]?([A-Za-z_]\w{0,63})", re.IGNORECASE)
_BUILT_IN = frozenset({"BINARY", "NOCASE", "RTRIM"})
_FUNCTION_LACKING = re.compile(r"(?:unknown|no such) function|unsafe use of")
_MOST_STAND_INS = 20
# Not SQLite's own (`sqlite_…`), and not virtual ones (rootpage 0), whose rows lie in shadow tables
# that are counted.
_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE"
    " 'sqlite~_%' ESCAPE '~'"
)


class SqliteSource:
    """The live file."""

    def __init__(self, source: Source) -> None:
        self._path, self._newest = Path(source.path), source.newest_record

    def size(self) -> int:
        """Bytes of the file; Failed where it is not there, and twice as much: the copy is packed
        afterwards.
        """
        if not self._path.is_file():
            raise Failed("database-missing", f"there is no file {self._path}")
        return 2 * self._path.stat().st_size

    def dump(
        self,
        partial: Path,
        work: Work,
        previous: Previous | None,  # noqa: ARG002 - a copy is whole each time
    ) -> Taken:
        """Write its artefacts into `partial`. Raises Failed."""
        self.size()
        copy = partial / _PLAIN
        with _opened(self._path) as live:
            in_place = live.execute("PRAGMA journal_mode").fetchone()[0] == b"wal"
            moment = _moment(partial)
            live.execute("BEGIN")
            # BEGIN takes nothing yet in SQLite: the first read is what begins the snapshot.
            live.execute("SELECT count(*) FROM sqlite_master").fetchone()
            tables = _contents(live, work.throttle, work.advance) if in_place else None
            with closing(sqlite3.connect(copy)) as target:
                # All pages in one step: in several the backup begins anew at each write from
                # outside.
                live.backup(target, pages=-1)
        with _opened(copy) as still:
            tables = tables if tables is not None else _contents(still, work.throttle, work.advance)
            schema, newest = _schema(still), _newest(still, self._newest)
        with copy.open("rb", buffering=0) as plain:
            artefact = work.store(plain, partial, DATABASE)
        copy.unlink()
        status = self._path.stat()
        return Taken(
            data_as_of=moment,
            tool=f"SQLite {sqlite3.sqlite_version}",
            server=sqlite3.sqlite_version,
            tables=tables,
            artefacts=(artefact,),
            hashed_by=HASHED_BY,
            schema_sha256=schema,
            newest_record=newest,
            facts={
                "newest_record_query": self._newest,
                "database_bytes": artefact.plain_bytes,
                "file": [stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid],
            },
        )


class SqliteRehearsal:
    """A backup of a SQLite file, restored beside and compared."""

    def scratch_bytes(self, manifest: Manifest) -> int:
        """The plain file, and the restored one."""
        return 2 * manifest.plain_bytes + OWN_ROOM_BYTES

    def rehearse(self, folder: Path, manifest: Manifest, scratch: Path, work: Work) -> Found:
        """Restore it in a sandbox, check it, read it. Raises Failed, CannotTell."""
        asked = {"newest_record_query": manifest.facts["newest_record_query"]}
        with restored_apart(restored, asked, folder, manifest, scratch, work) as told:
            found = judged(told, manifest)
            compared(manifest, found)
        return found


def restored(task: Mapping[str, Any], artefacts: Any, scratch: Path, work: Work) -> dict[str, Any]:
    """Restore it and read it: in the sandbox. Raises Failed."""
    target = scratch / DATABASE
    bring_back(task["commands"], artefacts().parent, target)
    # Whoever reads it here is its owner, and nobody of its group.
    target.chmod(target.stat().st_mode | stat.S_IRUSR)
    with work.events.stage("compare"):
        return read(target, task["newest_record_query"], work)


def read(restored: Path, newest_record: str, work: Work) -> dict[str, Any]:
    """What a restored file holds. Raises Failed."""
    with _opened(restored) as database:
        if (said := _checked(database, work)) != b"ok":
            raise Failed(
                "damaged", f"integrity_check: {said.decode(errors='replace')[:200]}", origin="local"
            )
        found = _contents(database, work.unthrottled, work.advance)
        return {
            "tables": told_tables(found),
            "newest": _newest(database, newest_record),
            "schema": _schema(database),
        }


def judged(told: Mapping[str, Any], manifest: Manifest) -> Found:
    """What `read` told, as facts. Raises Failed for what is of another form."""
    differences = () if told.get("schema") == manifest.schema_sha256 else ("the schema differs",)
    return found_of(told, differences)


def _checked(database: sqlite3.Connection, work: Work) -> bytes:
    """What SQLite says of the file's pages, tables and indexes; of indexes by an order or a
    function that the application alone knows, that they are there.
    """
    stand_ins = _own_collations(database)
    question = "quick_check" if stand_ins else "integrity_check"
    try:
        # (1) ends at the first fault: one is enough to know.
        said = database.execute(f"PRAGMA {question}(1)").fetchone()[0]
    except sqlite3.OperationalError as problem:
        if stand_ins or not _FUNCTION_LACKING.search(str(problem)):
            raise
        question = "quick_check"
        said = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if question == "quick_check":
        work.events.note(
            "indexes are not looked into: the application sorts or computes by what it alone has"
            f" {', '.join(stand_ins)}".rstrip()
        )
    return bytes(said)


def _own_collations(database: sqlite3.Connection) -> list[str]:
    """The orders that the schema names and SQLite does not have."""
    rows = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    named = {name.decode() for (text,) in rows for name in _COLLATION.findall(text)}
    return sorted(name for name in named if name.upper() not in _BUILT_IN)[:_MOST_STAND_INS]


def _by_letters(one: str, other: str) -> int:
    return (one > other) - (one < other)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """For reading only. Raises Failed for whatever SQLite says."""
    try:
        with closing(
            # mode=ro: a reader with more rights would recover, and so change, a file that a crash
            # has left.
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
        ) as database:
            database.isolation_level = None
            # Texts as their bytes: a column may hold anything, and what is no UTF-8 must not stop
            # the count.
            database.text_factory = bytes
            database.execute("PRAGMA query_only = on")
            defended(database)
            for name in _own_collations(database):
                # Any order will do to read; what was sorted by the true one is not looked into.
                database.create_collation(name, _by_letters)
            yield database
    except sqlite3.Error as problem:
        raise Failed(_code(problem), f"SQLite: {_said(problem, path)}") from problem
    except MemoryError as problem:
        raise Failed("sql", "SQLite: what it has evaluated takes too much memory") from problem


def _said(problem: sqlite3.Error, path: Path) -> str:
    # sqlite.org/rescode.html, extended result codes: a reader without rights to write cannot undo
    # what a writer left half done.
    name = getattr(problem, "sqlite_errorname", "")
    if name == "SQLITE_READONLY_ROLLBACK":
        return (
            f"a program died while it wrote: {path.name}-journal holds what is to be undone first;"
            f" start that program again, or ask as its user `sqlite3 {path.name} .tables`"
        )
    if name in ("SQLITE_READONLY_RECOVERY", "SQLITE_READONLY_CANTINIT"):
        return (
            f"a program died while it wrote: {path.name}-wal holds what is to be taken over first,"
            " and this user may not write there; start that program again"
        )
    return str(problem)


def _code(problem: sqlite3.Error) -> str:
    """SQLite does not tell a disk that cannot be read from one that cannot be written."""
    if not isinstance(problem, sqlite3.OperationalError):
        return "damaged"
    said = str(problem)
    return "no-space" if "full" in said else "disk-error" if "disk I/O" in said else "sql"


def _contents(
    database: sqlite3.Connection, throttle: Throttle, told: Callable[[int], None]
) -> dict[str, Content]:
    names = sorted(bytes(name).decode() for (name,) in database.execute(_TABLES))
    return {name: _content(database, name, throttle, told) for name in names}


def _content(
    database: sqlite3.Connection, name: str, throttle: Throttle, told: Callable[[int], None]
) -> Content:
    digest, rows, size = hashlib.sha256(), 0, 0
    quoted = name.replace('"', '""')
    # The name is the database's own, and quoted.
    cursor = database.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 - quoted
    while some := cursor.fetchmany(_ROWS_AT_ONCE):
        written = repr(some).encode()
        digest.update(written)
        rows, size = rows + len(some), size + len(written)
        told(len(written))
        throttle.take(len(written))
    return Content(rows, digest.hexdigest(), size)


def _schema(database: sqlite3.Connection) -> str:
    rows = database.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2, 3"
    ).fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _newest(database: sqlite3.Connection, query: str) -> str | None:
    with ended_after(database, _NEWEST_SECONDS):
        row = database.execute(query).fetchone() if query else None
    if row is None or row[0] is None:
        return None
    return row[0].decode(errors="replace") if isinstance(row[0], bytes) else str(row[0])


def _moment(folder: Path) -> str:
    """What the clock of the file system says: a SQLite database has none."""
    mark = folder / _PLAIN
    mark.touch()
    at = datetime.fromtimestamp(mark.stat().st_mtime, UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
