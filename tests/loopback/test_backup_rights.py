"""Could it be backed up, and could it be restored? Asked of real servers by `check-config --try`,
before the first night.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Failed, Trace
from checks.data.backup.check import Backup
from tests.loopback.backup_world import World, postgres_world
from tests.loopback.databases import MariaDB, Postgres, mariadb, postgres

pytestmark = pytest.mark.xdist_group("backup")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(scope="module")
def maria() -> Iterator[MariaDB]:
    with mariadb() as running:
        yield running


def tried(folder: Path, settings: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The fault, and what a restore would lack."""
    check = Backup.model_validate({**settings, "folder": folder / "backups"})
    trace = Trace(time.monotonic, folder)
    try:
        assert asyncio.run(check.try_out(trace))
    except Failed as refused:
        return f"{refused.code}, {refused.text}", ()
    assert not (folder / "backups").exists(), "nothing is dumped"
    return "", trace.observation().warnings


def test_postgresql_says_which_rights_a_restore_lacks(server: Postgres, tmp_path: Path) -> None:
    world = postgres_world(server, tmp_path / "world", "rights", records=10)
    settings = dict(world.settings)
    assert tried(tmp_path, settings) == ("", ())
    server.run("CREATE ROLE reader LOGIN PASSWORD 'quiet'")
    (tmp_path / "secret").write_text("quiet\n")
    settings |= {"user": "reader", "password": {"file": tmp_path / "secret"}}
    fault, _ = tried(tmp_path, settings)
    assert fault == "permission, not readable: public.cdr; GRANT pg_read_all_data TO it"
    server.run("GRANT pg_read_all_data TO reader")
    fault, lacking = tried(tmp_path, settings)
    assert (fault, lacking) == (
        "",
        (
            "a restore needs a user with CREATEDB: ALTER ROLE … CREATEDB",
            "a restore needs a member of the owner: GRANT postgres TO …",
        ),
    )
    server.run("ALTER ROLE reader CREATEDB")
    server.run("GRANT postgres TO reader")
    assert tried(tmp_path, settings) == ("", ())


def test_who_may_make_no_role_restores_all_the_same(server: Postgres, tmp_path: Path) -> None:
    """The rights of docs/restore.md, and no more: a loader of its own is beyond them."""
    server.run("CREATE ROLE carol LOGIN PASSWORD 'quiet' CREATEDB")
    server.run("CREATE ROLE shop")
    server.create("shopping")
    server.run("CREATE TABLE sold AS SELECT generate_series(1, 50) AS id", "shopping")
    server.run("ALTER TABLE sold OWNER TO shop", "shopping")
    server.run("ALTER DATABASE shopping OWNER TO shop")
    server.run("GRANT pg_read_all_data, shop TO carol")
    (tmp_path / "secret").write_text("quiet\n")
    settings = {"engine": "postgresql", "host": str(server.sockets), "database": "shopping"}
    secret = {"file": tmp_path / "secret"}
    world = World(tmp_path / "world", {**settings, "user": "carol", "password": secret})
    assert world.take().fault is None
    assert world.restore("shopping_rescue").fault is None
    assert server.run("SELECT count(*) FROM sold", "shopping_rescue") == [(50,)]


def test_a_database_that_is_not_there_is_no_good_start(server: Postgres, tmp_path: Path) -> None:
    world = postgres_world(server, tmp_path / "world", "there", records=10)
    fault, _ = tried(tmp_path, {**world.settings, "database": "gone"})
    assert fault.startswith("database-missing, ")
    fault, _ = tried(tmp_path, {**world.settings, "user": "nobody_here"})
    assert fault.startswith("login, ")


def test_mariadb_says_which_rights_a_restore_lacks(maria: MariaDB, tmp_path: Path) -> None:
    maria.run("CREATE DATABASE rights")
    maria.run("CREATE TABLE rights.cdr (id INT PRIMARY KEY)")
    maria.run("CREATE USER reader@localhost")
    settings = {"engine": "mariadb", "host": str(maria.socket), "database": "rights"}
    assert tried(tmp_path, {**settings, "user": "root"}) == ("", ())
    settings["user"] = "reader"
    assert tried(tmp_path, settings)[0] != ""
    maria.run("GRANT SELECT, SHOW VIEW, TRIGGER ON *.* TO reader@localhost")
    assert tried(tmp_path, settings) == (
        "",
        ("a restore needs CREATE, DROP, ALTER, INSERT ON *.*",),
    )
