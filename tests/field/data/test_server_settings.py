"""What a live server has beside its databases: the drill's server has it too, or the proof names
what it lacks, and RESTORE.md says what the new server is to have first.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from checks.data.backup.engines.mariadb import server_settings as of_mariadb
from checks.data.backup.engines.postgresql import server_settings as of_postgresql
from tests.loopback.backup_world import World, fault_of
from tests.loopback.databases import mariadb, postgres

pytestmark = pytest.mark.xdist_group("backup")

PRELOADED = {"shared_preload_libraries": "pg_stat_statements, auto_explain"}
LOCALES = {"lc_monetary": "C.UTF-8", "lc_time": "xx_YY.UTF-8"}


def test_a_library_is_loaded_where_its_extension_is_trusted_and_lies_here(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    for name in ("pg_stat_statements", "auto_explain"):
        (tmp_path / "lib" / f"{name}.so").touch()
    tools = tmp_path / "bin"
    asked = {"settings": {**PRELOADED, **LOCALES}}
    trusted = ("pg_stat_statements", "timescaledb", "../auto_explain")
    given = of_postgresql.for_drill(asked, tools, trusted)
    # A locale that this host lacks would keep the drill's server from starting.
    assert given == {"lc_monetary": "C.UTF-8", "shared_preload_libraries": "pg_stat_statements"}
    odd = {"settings": {"shared_preload_libraries": "../auto_explain, timescaledb"}}
    assert of_postgresql.for_drill(odd, tools, trusted) == {}
    # A backup of an older release says nothing of its server.
    assert of_postgresql.for_drill({}, tools, trusted) == {}


def test_what_a_new_server_is_to_have_is_said() -> None:
    server = {"settings": {"lc_time": "C"}, "tablespaces": {"fast": 3, "slow": 0}, "collation": "2"}
    assert of_postgresql.in_words(server) == [
        "lc_time = C",
        "shared_preload_libraries = ? (who backs up may not read it)",
        "the tablespace fast with 3 tables or indexes, which come back in the default one",
        "the tablespace slow with the database, which come back in the default one",
        "collations of version 2",
    ]
    kept = {"settings": {"sql_mode": "ANSI"}, "log_ins": ["ed25519"]}
    assert of_mariadb.in_words(kept) == ["sql_mode = ANSI", "users who log in by ed25519 (plugins)"]


def test_only_words_become_options_and_only_of_mariadb() -> None:
    odd = {"settings": {"sql_mode": "ANSI --user=root", "lower_case_table_names": "1"}}
    assert of_mariadb.for_drill(odd, "10.11.6-MariaDB") == ["--lower-case-table-names=1"]
    assert of_mariadb.for_drill(odd, "8.0.36") == []


@pytest.mark.slow
def test_postgresql_and_its_drill() -> None:
    with postgres({**PRELOADED, "lc_monetary": "C.UTF-8"}) as server:
        place = server.folder / "fast"
        place.mkdir(mode=0o700)
        if server.user:
            shutil.chown(place, server.user)
        server.run(f"create tablespace fast location '{place}'")
        server.run("create database calls")
        server.run("create table cdr (paid money) tablespace fast", "calls")
        server.run("create extension pg_stat_statements", "calls")
        login = {"host": str(server.sockets), "user": "postgres", "database": "calls"}
        world = World(server.folder / "world", {"engine": "postgresql", **login})
        assert fault_of(world.take(extensions=("pg_stat_statements",))) == ""
        proof = json.loads((world.newest() / "proof.json").read_text())
        named = [each for each in proof["not_run"] if "of postgres" not in each]
        assert named == ["the preloaded library auto_explain", "the tablespace fast"]
        text = (world.newest() / "RESTORE.md").read_text()
        assert "shared_preload_libraries = pg_stat_statements, auto_explain" in text


@pytest.mark.slow
def test_mariadb_and_its_drill() -> None:
    """A view of another case than its table is good on a live server that has no cases."""
    mode = "ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH"
    with mariadb({"lower_case_table_names": "1", "sql_mode": mode}) as server:
        server.run("create database calls")
        server.run("create table calls.CDR (id int primary key)")
        server.run("create view calls.Answered as select * from calls.cDr")
        login = {"host": str(server.socket), "user": "root", "database": "calls"}
        world = World(server.folder / "world", {"engine": "mariadb", **login})
        assert fault_of(world.take()) == ""
        text = (world.newest() / "RESTORE.md").read_text()
        assert "lower_case_table_names = 1; innodb_page_size = 16384" in text
        assert f"sql_mode = {mode}" in text


@pytest.mark.slow
def test_rows_that_a_site_has_put_into_an_extensions_table_are_compared(tmp_path: Path) -> None:
    """pg_cron#37: cron.job is the extension's table, and its rows are the site's."""
    if not list(Path("/usr/lib/postgresql/15/lib").glob("pg_cron.so")):
        pytest.skip("pg_cron (postgresql-15-cron) is not installed here")
    cron = {"shared_preload_libraries": "pg_cron", "cron.database_name": "calls"}
    with postgres(cron) as server:
        server.run("create database calls")
        server.run("create extension pg_cron", "calls")
        server.run("select cron.schedule('nightly', '0 4 * * *', 'select 1')", "calls")
        login = {"host": str(server.sockets), "user": "postgres", "database": "calls"}
        world = World(server.folder / "world", {"engine": "postgresql", **login})
        seen = world.take()
        assert fault_of(seen) == "", (seen.fault, seen.blind)
        proof = json.loads((world.newest() / "proof.json").read_text())
        assert {"extension pg_cron", "rows of cron.job"} <= set(proof["not_run"])
        seen = world.take(extensions=("pg_cron",))
        assert fault_of(seen) == "", (seen.fault, seen.blind)
        proof = json.loads((world.newest() / "proof.json").read_text())
        assert "rows of cron.job" not in proof["not_run"]
        manifest = json.loads((world.newest() / "manifest.json").read_text())
        assert manifest["tables"]["cron.job"]["rows"] == 1
