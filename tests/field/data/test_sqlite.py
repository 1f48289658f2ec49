"""SQLite files of an application: with its own collations they are backed up and proven as far as
they can be read.
"""

from __future__ import annotations

import shutil
import sqlite3
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
@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="the drill's reader is poorer than the application"
)
async def test_a_file_with_a_collation_of_its_own_is_proven(tmp_path: Path) -> None:
    """doltlite#1343, sqlitebrowser#54 #124."""
    path, folder = of_an_application(tmp_path / "coll.db"), tmp_path / "kept"
    folder.mkdir()
    seen = await once(tmp_path, "backup", engine="sqlite", path=path, folder=folder)
    comes_out(seen, Story("collation", None, "doltlite#1343"))
