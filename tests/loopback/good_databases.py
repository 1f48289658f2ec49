"""Databases, files and folders that are odd and good: each has to be proven, and to come back by
the text of its RESTORE.md.

The databases stand in good/*.toml, a table each: the statements that make it, and what is of the
server, whose names are its own, so that nothing of one row is there for the next.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import tomllib
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Good:
    """One database. `server` is run before there is one, `create` makes it where it is not a plain
    one; `roles` are compared as well.
    """

    name: str
    statements: tuple[str, ...] = ()
    server: tuple[str, ...] = ()
    create: str = ""
    after: tuple[str, ...] = ()
    """of the server, once the database is there"""
    roles: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    unlike: tuple[str, ...] = ()
    """what a dump cannot hold, and the proof says so: beginnings of what is compared"""
    takes: int = 1
    between: tuple[str, ...] = ()
    """statements before the second backup"""


def good_databases(engine: str) -> tuple[Good, ...]:
    """All rows of one engine."""
    place = Path(__file__).with_name("good") / f"{engine}.toml"
    rows: dict[str, dict[str, Any]] = tomllib.loads(place.read_text(encoding="utf-8"))
    return tuple(
        Good(name, **dict[str, Any]((key, _frozen(value)) for key, value in row.items()))
        for name, row in rows.items()
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _sqlite(*statements: str, mode: str = "delete") -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.create_collation("PHONE", lambda a, b: (a > b) - (a < b))
            database.create_function("norm", 1, lambda text: text, deterministic=True)
            database.execute(f"PRAGMA journal_mode = {mode}")
            for statement in statements:
                database.execute(statement)

    return make


_T = "create table t(id integer primary key, s)"
SQLITE: Mapping[str, Callable[[Path], None]] = {
    "plain": _sqlite(_T, "insert into t values (1,'a'),(2,x'00ff'),(3,null),(4,-0.0),(5,9e999)"),
    "wal": _sqlite(_T, "insert into t values (1,'a')", mode="wal"),
    "utf-16": _sqlite("pragma encoding='UTF-16le'", _T, "insert into t values (1,'ü😀')"),
    "fts": _sqlite("create virtual table f using fts5(s)", "insert into f values ('hello caller')"),
    "rtree": _sqlite("create virtual table r using rtree(id,a,b)", "insert into r values (1,2,3)"),
    "strict-without-rowid": _sqlite(
        "create table t(k text primary key, n int) strict, without rowid",
        "insert into t values ('a',1)",
    ),
    "own-collation": _sqlite(
        "create table t(s text collate PHONE)",
        "insert into t values ('1'),('2')",
        "create index i on t(s)",
    ),
    "own-function": _sqlite(_T, "insert into t values (1,'a')", "create index i on t(norm(s))"),
    "invalid-utf-8": _sqlite(_T, "insert into t values (1, cast(x'ff41' as text))"),
    "odd-names": _sqlite(
        'create table "a ""b"" c"("x y")',
        'insert into "a ""b"" c" values (1)',
        "create view v as select 1",
        'create trigger g after insert on "a ""b"" c" begin select 1; end',
    ),
    "broken-key": _sqlite(_T, "create table c(t references t(id))", "insert into c values (9)"),
    "page-of-512": _sqlite(
        "pragma page_size=512",
        "pragma auto_vacuum=full",
        _T,
        "pragma user_version=7",
        "pragma application_id=77",
        "insert into t values (1,zeroblob(99999))",
    ),
}


def _write(path: Path, content: bytes = b"x", at: int = 1_700_000_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at, at))
    return path


def _times(top: Path) -> None:
    for path in sorted(top.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            os.utime(path, (1_500_000_000, 1_500_000_000))
    os.utime(top, (1_400_000_000, 1_400_000_000))


def _plain(top: Path) -> None:
    _write(top / "2026-11-21/call 3 – grüße.wav", bytes(range(256)) * 99)
    (top / "empty").mkdir()
    _write(top / "empty-file", b"")


def _owners(top: Path) -> None:
    os.chown(_write(top / "spool/a.gsm"), 33, 33)
    (top / "spool").chmod(0o2770)
    _write(top / "secret").chmod(0o600)
    _write(top / "run").chmod(0o4755)
    os.chown(top, 33, 100)
    top.chmod(0o2750)


def _names(top: Path) -> None:
    for name in (
        b"caf\xe9.wav",
        b"line\nbreak",
        b"-rf",
        b" blank ",
        b"$(id)`id`'\"",
        b"n" * 255,
        b"\\",
    ):
        _write(Path(os.fsdecode(os.fsencode(top) + b"/" + name)))


def _links(top: Path) -> None:
    _write(top / "a/b")
    for name, target in (
        ("latest", "a"),
        ("dangling", "/nowhere"),
        ("loop", "loop"),
        ("up", "../.."),
    ):
        (top / name).symlink_to(target)


def _deep(top: Path) -> None:
    _write(top / "/".join(["d" * 40] * 20) / "end")


def _old_and_new(top: Path) -> None:
    _write(top / "of 1960", at=-315_619_200)
    _write(top / "of 2040", at=2_208_988_800)
    _write(top / "of 1970", at=0)


def _special(top: Path) -> None:
    _write(top / "file")
    os.mkfifo(top / "pipe")
    with closing(socket.socket(socket.AF_UNIX)) as end, suppress(OSError):
        end.bind(str(top / "s"))


FOLDERS: Mapping[str, Callable[[Path], None]] = {
    "plain": _plain,
    "owners-and-modes": _owners,
    "names": _names,
    "links": _links,
    "deep": _deep,
    "times": _old_and_new,
    "pipes-and-sockets": _special,
}


def made_folder(make: Callable[[Path], None], top: Path) -> None:
    """A folder of one row, with times of its own."""
    top.mkdir(parents=True)
    make(top)
    _times(top)
