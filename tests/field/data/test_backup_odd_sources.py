"""Sources that are not as a backup wants them: emptied, left by a program that died, closed to
whoever reads, changing under the reader. The word that comes of it is clear, and is said once.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from checks.contract import Failed, Observation
from checks.data.backup.engines.directory import FewNotes
from checks.data.backup.engines.tar_stream import TarStream
from checks.data.backup.engines.tree import entries
from tests.loopback.backup_world import World, fault_of

pytestmark = pytest.mark.xdist_group("backup")

NOBODY = 65534
# A writer that dies with a transaction half in the file: a cache of one page spills at once.
DIES = """
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("pragma cache_size = 1")
db.execute("begin")
db.execute("update cdr set src = hex(randomblob(400))")
os.kill(os.getpid(), signal.SIGKILL)
"""


def sqlite_world(folder: Path, rows: int = 150) -> World:
    file = folder / "calls.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("create table cdr (id integer primary key, src text)")
        database.execute("create table agents (id integer primary key)")
        database.executemany("insert into cdr values (?, ?)", ((n, "x" * 400) for n in range(rows)))
    return World(folder / "world", {"engine": "sqlite", "path": file})


def changed(world: World, *statements: str) -> Observation:
    with closing(sqlite3.connect(world.settings["path"])) as database, database:
        for statement in statements:
            database.execute(statement)
    return world.take(prove=False)


def test_what_has_vanished_since_the_last_backup_is_said(tmp_path: Path) -> None:
    world = sqlite_world(tmp_path)
    assert fault_of(world.take(prove=False)) == ""
    few = changed(world, "delete from cdr where id < 15")
    assert [note for note in few.notes if "15 of 150 rows (10.0 %)" in note], few.notes
    assert few.warnings == ()
    # One table grows by as much as the other has lost.
    much = changed(
        world,
        "delete from cdr where id < 147",
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 400)"
        " insert into agents select i from n",
    )
    assert fault_of(much) == ""
    assert [text for text in much.warnings if "132 of 135 rows (97.8 %)" in text], much.warnings
    assert "cdr 132" in much.warnings[0]
    grown = changed(world, "insert into agents values (1000)")
    assert not [said for said in (*grown.notes, *grown.warnings) if "have vanished" in said]


def test_a_table_that_is_gone_has_vanished(tmp_path: Path) -> None:
    world = sqlite_world(tmp_path)
    world.take(prove=False)
    seen = changed(world, "insert into agents values (1)", "drop table cdr")
    assert "150 of 150 rows (100.0 %)" in seen.warnings[0]


def test_nothing_at_all_is_said_at_the_first_backup(tmp_path: Path) -> None:
    (tmp_path / "calls.db").touch()
    seen = World(tmp_path / "a", {"engine": "sqlite", "path": tmp_path / "calls.db"}).take()
    assert fault_of(seen) == ""
    assert seen.warnings == ("there is nothing in it: not one table or file",)
    (tmp_path / "voice").mkdir()
    seen = World(tmp_path / "b", {"engine": "directory", "path": tmp_path / "voice"}).take()
    assert seen.warnings == ("there is nothing in it: not one table or file",)


def test_a_program_that_died_while_it_wrote_is_named(tmp_path: Path) -> None:
    world = sqlite_world(tmp_path, rows=2000)
    file = world.settings["path"]
    subprocess.run([sys.executable, "-c", DIES, str(file)], check=False)
    assert (tmp_path / "calls.db-journal").stat().st_size > 0
    seen = world.take()
    assert fault_of(seen).startswith("dump: ")
    assert seen.fault is not None
    assert "a program died while it wrote: calls.db-journal" in seen.fault.text
    # As it says: whoever may write there undoes it by a look, and the backup goes through.
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("select count(*) from cdr").fetchone() == (2000,)
    assert fault_of(world.take()) == ""


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A folder that other users may enter."""
    folder = Path(tempfile.mkdtemp(prefix="reveille-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="root reads as another user here")
@pytest.mark.parametrize("what", ["file", "folder", "top"])
def test_what_may_not_be_read_is_named(everybodys: Path, what: str) -> None:
    inner = everybodys / "2026" / "11"
    inner.mkdir(parents=True)
    (inner / "call.wav").write_bytes(b"x")
    closed = {"file": inner / "call.wav", "folder": inner, "top": everybodys}[what]
    closed.chmod(0)
    os.seteuid(NOBODY)
    try:
        with pytest.raises(Failed) as refused:
            list(entries(everybodys, ()))
    finally:
        os.seteuid(0)
        closed.chmod(0o755)
    named = {"file": "2026/11/call.wav", "folder": "2026/11", "top": str(everybodys)}[what]
    assert refused.value.code == "permission"
    assert f"{named}: Permission denied" in refused.value.text


def test_a_file_that_shrinks_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(b"x" * 20_000_000)
    said: list[str] = []
    stream = TarStream(tmp_path, (), said.append)
    while len(stream.read()) < 1_000_000:  # the headers
        continue
    os.truncate(tmp_path / "call.wav", 2_000_000)
    while stream.read():
        continue
    assert said == ["call.wav shrank while it was read"]


def test_a_cleaning_meanwhile_hides_no_other_note(tmp_path: Path) -> None:
    said: list[str] = []
    few = FewNotes(said.append)
    for number in range(500):
        few(f"{number}.wav vanished before it was read")
    few.end()
    assert len(said) == 21
    assert said[-1] == "480 more vanished or changed while they were read"
