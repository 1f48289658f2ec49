"""MariaDB, backed up while it works, proven, and restored beside the live one."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest

from tests.loopback.backup_world import World, fault_of
from tests.loopback.databases import MariaDB, mariadb

pytestmark = pytest.mark.xdist_group("backup")  # some of them kill workers, and know them by name

RECORDS = 5_000
STATEMENTS = (
    (
        "CREATE TABLE cdr (id INT PRIMARY KEY AUTO_INCREMENT, calldate DATETIME(6), src"
        " VARCHAR(80), mos DOUBLE, raw VARBINARY(16)) ENGINE=InnoDB"
    ),
    (
        "INSERT INTO cdr (calldate, src, mos, raw)"
        " SELECT '2026-11-21 10:00:00', CONCAT('caller ', seq), seq / 7, UNHEX(MD5(seq))"
        f" FROM seq_1_to_{RECORDS}"
    ),
    "CREATE TABLE debit (id INT PRIMARY KEY AUTO_INCREMENT)",
    "CREATE TABLE credit (id INT PRIMARY KEY AUTO_INCREMENT)",
    "CREATE VIEW long_calls AS SELECT * FROM cdr WHERE mos > 4",
    "CREATE PROCEDURE nothing() SELECT 1",
    "CREATE TRIGGER shout BEFORE INSERT ON cdr FOR EACH ROW SET NEW.src = UPPER(NEW.src)",
)


@contextmanager
def transfers(server: MariaDB, database: str) -> Iterator[None]:
    """Transactions that each insert into two tables."""
    done, some = threading.Event(), threading.Event()

    def write() -> None:
        with pymysql.connect(**server.login(database)) as connection, connection.cursor() as cursor:
            while not done.is_set():
                cursor.execute("INSERT INTO debit VALUES ()")
                cursor.execute("INSERT INTO credit VALUES ()")
                connection.commit()
                some.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert some.wait(20)
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def a_neighbours_temporary_table() -> Iterator[Path]:
    """A file as a live server keeps one in the machine's temporary folder, under the user that the
    drill's has too.
    """
    with tempfile.NamedTemporaryFile(prefix="#sql-temptable-", suffix=".MAI", dir="/tmp") as file:
        if os.geteuid() == 0:
            there = {one.pw_name for one in pwd.getpwall()}
            shutil.chown(file.name, "mysql" if "mysql" in there else "nobody")
        yield Path(file.name)


def test_it_is_of_one_moment_proven_and_goes_back_beside_the_live_one(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with mariadb() as server:
        server.create("calls")
        for statement in STATEMENTS:
            server.run(statement, "calls")
        settings = {
            "engine": "mariadb",
            "host": str(server.socket),
            "user": "root",
            "database": "calls",
        }
        world = World(
            server.folder / "world", {**settings, "newest_record": "SELECT MAX(id) FROM cdr"}
        )
        with transfers(server, "calls"), a_neighbours_temporary_table() as table:
            seen = world.take()
            assert (
                table.exists()
            )  # a server that is started clears such files from its temporary folder
        assert seen.fault is None
        tables = world.manifest()["tables"]
        assert tables["debit"]["rows"] == tables["credit"]["rows"] > 0
        assert tables["cdr"]["rows"] == RECORDS

        assert fault_of(world.restore()) == "restore: exists"
        assert world.restore(to="calls_again").fault is None
        assert server.run("SELECT COUNT(*) FROM calls_again.long_calls") == server.run(
            "SELECT COUNT(*) FROM calls.long_calls"
        )

        world.repack("database.", lambda plain: plain.replace(b"'caller 77'", b"'caller 78'", 1))
        assert fault_of(world.drill()) == "compare: differs"
        assert (
            server.run(
                "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE"
                " 'reveille%'"
            )
            == []
        )
