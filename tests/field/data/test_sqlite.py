"""SQLite files of an application: with its own collations they are backed up and proven as far as
they can be read.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.field.story import Story, comes_out, once


def case_blind(a: str, b: str) -> int:
    return (a.lower() > b.lower()) - (a.lower() < b.lower())


def of_an_application(file: Path) -> str:
    database = sqlite3.connect(file)
    database.create_collation("DE_CI", case_blind)
    database.execute("create table cdr(id integer primary key, name text collate DE_CI)")
    database.execute("create index i on cdr(name)")
    database.executemany("insert into cdr(name) values (?)", [("a",), ("B",)])
    database.commit()
    database.close()
    return str(file)


@pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")
async def test_a_file_with_a_collation_of_its_own_is_proven(tmp_path: Path) -> None:
    """doltlite#1343, sqlitebrowser#54 #124."""
    path, folder = of_an_application(tmp_path / "coll.db"), tmp_path / "kept"
    folder.mkdir()
    seen = await once(tmp_path, "backup", engine="sqlite", path=path, folder=folder)
    comes_out(seen, Story("collation", None, "doltlite#1343"))


def fold(text: str) -> str:
    return text.casefold()


@pytest.mark.parametrize(
    "schema",
    [
        "create table t(id integer primary key, name text); create index i on t(norm(name))",
        "create table t(name text collate OTHER primary key) without rowid",
        "create table t(name text); create unique index i on t(name collate OTHER, name collate M)",
    ],
    ids=["function-in-an-index", "collation-of-a-key", "two-collations"],
)
@pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")
async def test_what_an_application_alone_knows_spoils_no_proof(tmp_path: Path, schema: str) -> None:
    path, folder = tmp_path / "own.db", tmp_path / "kept"
    with closing(sqlite3.connect(path)) as database:
        database.create_collation("OTHER", case_blind)
        database.create_collation("M", case_blind)
        database.create_function("norm", 1, fold, deterministic=True)
        database.executescript(schema)
        database.executemany("insert into t(name) values (?)", [("a",), ("B",), ("c",)])
        database.commit()
    folder.mkdir()
    seen = await once(tmp_path, "backup", engine="sqlite", path=path, folder=folder)
    comes_out(seen, Story("own", None, "sqlitebrowser#54"))
    assert "alone" in " ".join(seen.observation.notes)
