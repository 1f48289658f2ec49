"""The nightly drill runs nobody's code: what a database's own users have planted is restored, and
reaches nothing.

Each plant tries to tell of itself: it writes who it is, and whether it is a superuser, into a table
that stands in the proof, and tries to start a program and to read a file. On the live server it
does nothing but return.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import zstandard

from checks.data.backup.engines.postgresql.content import tables
from checks.data.backup.engines.postgresql.copied_rows import rows_of
from checks.data.backup.engines.postgresql.dump import PostgresqlSource
from checks.data.backup.sandbox import outside
from checks.data.backup.store.throttle import Throttle
from tests.field.security.plants import FORGERIES, PLACES, PLANT
from tests.loopback.backup_world import World, fault_of, postgres_world
from tests.loopback.databases import MariaDB, Postgres, mariadb, postgres

pytestmark = pytest.mark.xdist_group("backup")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        running.run("CREATE ROLE app LOGIN")
        yield running


def planted(server: Postgres, name: str, *statements: str) -> World:
    """A database of the application's own role, which has planted something in it."""
    world = postgres_world(server, server.folder / name, name, records=5)
    server.run("GRANT ALL ON SCHEMA public TO app", name)
    for statement in (PLANT, *statements):
        server.run(f"SET SESSION AUTHORIZATION app; {statement}", name)
    return world


def test_what_an_owner_planted_runs_with_no_rights(server: Postgres) -> None:
    """In every place from which a table's owner has others run his functions."""
    statements = [
        f"{made.replace('{t}', f't{number}')}; INSERT INTO t{number} (note) VALUES ('call')"
        for number, made in enumerate(PLACES.values())
    ]
    world = planted(server, "planted", *statements)
    # Honest things beside it: a closed database, a schema that a table's owner may not enter, an
    # owner who may not write into his own table.
    for statement in (
        "CREATE SCHEMA closed; CREATE TABLE closed.t AS SELECT 1 AS n",
        "ALTER TABLE closed.t OWNER TO app; REVOKE ALL ON closed.t FROM app",
        "REVOKE ALL ON DATABASE planted FROM PUBLIC",
    ):
        server.run(statement, "planted")
    seen = world.take()
    told = f"{seen.fault} {seen.notes}"
    assert "PLANTED" not in told
    assert fault_of(seen) == "", told
    # The same in archives of their own, which closed partitions have.
    assert fault_of(world.take(part_megabytes=0.001)) == ""
    # And where it comes back onto a live server, by its superuser.
    seen = world.restore(to="planted_again")
    assert fault_of(seen) == "", seen.fault
    assert server.run("SELECT count(*) FROM t0", "planted_again") == [(1,)]


def test_what_users_wrote_says_nothing_of_what_an_archive_holds(server: Postgres) -> None:
    """A body that holds headers as pg_restore writes them had others' tables taken for what only a
    superuser can make: unproven, not restored, or loaded with all rights.
    """
    world = planted(server, "forged")
    server.run("GRANT CREATE ON DATABASE forged TO app")
    for statement in FORGERIES:
        server.run(f"SET SESSION AUTHORIZATION app; {statement}", "forged")
    seen = world.take()
    assert fault_of(seen) == "" and seen.blind is None, seen.fault or seen.blind
    plain = zstandard.ZstdDecompressor().stream_reader(world.artefact("order.").read_bytes())
    assert b"administrator\t" not in plain.read()
    seen = world.restore(to="forged_again")
    assert fault_of(seen) == "", seen.fault


def test_a_row_that_is_copied_is_compared_as_well(server: Postgres) -> None:
    """A table whose question would run what its owner wrote is read by COPY."""
    name = "copied"
    index = "CREATE INDEX ON t ((public.planted('x')))"
    world = planted(
        server, name, "CREATE TABLE t (note text)", "INSERT INTO t VALUES ('one')", index
    )
    assert fault_of(world.take()) == ""
    assert world.manifest()["tables"]["public.t"]["hash"].startswith("copied ")
    assert not world.manifest()["tables"]["public.cdr"]["hash"].startswith("copied ")
    world.repack("database.", lambda plain: plain.replace(b"one\n", b"two\n"))
    assert fault_of(world.drill()) == "compare: differs"


def test_an_index_that_comes_after_the_snapshot_runs_nothing(server: Postgres) -> None:
    """What is in the snapshot says nothing of it, and the planner sees it."""
    world = planted(server, "late", "CREATE TABLE t (note text)", "INSERT INTO t VALUES ('one')")
    source = PostgresqlSource(world.check()._source())
    with source._connected() as reading, source._connected() as now:
        found = [one for one in tables(reading) if one.name == "t"]
        late = "CREATE INDEX ON t ((public.planted('x')))"
        server.run(f"SET SESSION AUTHORIZATION app; {late}", "late")
        kept = rows_of(reading, found, Throttle(None), lambda _: None, now=now)
        assert kept["public.t"].hash.startswith("copied ")
        # One that somebody else holds is not waited for: it is copied too.
        server.run("CREATE TABLE held (n int); CREATE TABLE free (n int)", "late")
        with psycopg.connect(server.address("late")) as other, source._connected() as again:
            other.execute("LOCK TABLE held IN SHARE UPDATE EXCLUSIVE MODE")
            some = [one for one in tables(again) if one.name in ("held", "free")]
            kept = rows_of(again, some, Throttle(None), lambda _: None, now=now)
        assert [one.hash.startswith("copied ") for _, one in sorted(kept.items())] == [False, True]
        # Nor is anybody held up afterwards.
        server.run("SET lock_timeout = '5s'; DROP TABLE t", "late")


def test_a_server_that_a_plant_rules_has_no_shell(server: Postgres) -> None:
    """A bound of a domain's type is evaluated where the tables are made, by the sandbox's own
    administrator: his is the server, and nothing beside it.
    """
    world = planted(
        server,
        "bound",
        "CREATE OR REPLACE FUNCTION public.shell() RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN"
        " BEGIN EXECUTE $c$COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'$c$;"
        " EXCEPTION WHEN OTHERS THEN RETURN true; END; RAISE EXCEPTION 'PLANTED has a shell';"
        " END $f$",
        "CREATE DOMAIN kind AS text CHECK (public.planted(VALUE));"
        " CREATE TABLE t (note kind) PARTITION BY LIST (note);"
        " CREATE TABLE t_one PARTITION OF t FOR VALUES IN ('call');"
        " INSERT INTO t VALUES ('call')",
    )
    seen = world.take()
    assert fault_of(seen) == "", seen.fault


def test_what_only_a_superuser_can_make_is_compared_as_text(server: Postgres) -> None:
    name = "withheld"
    world = postgres_world(server, server.folder / name, name, records=5)
    for statement in (
        "CREATE ROLE chief SUPERUSER REPLICATION BYPASSRLS",
        "CREATE FUNCTION loud() RETURNS event_trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE EXCEPTION ''PLANTED %'', session_user; END'",
        "CREATE FUNCTION c(int) RETURNS int LANGUAGE internal AS 'int4abs'",
        "CREATE EXTENSION dblink",
        "CREATE FUNCTION far() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "COMMENT ON EXTENSION dblink IS 'reaches other servers'",
        "CREATE EVENT TRIGGER loud ON ddl_command_end WHEN TAG IN ('GRANT')"
        " EXECUTE FUNCTION loud()",
    ):
        server.run(statement, name)
    seen = world.take()
    assert fault_of(seen) == "", seen.fault
    told = " ".join(seen.notes)
    for each in ("event trigger loud", "extension dblink", "function c(integer)", "SUPERUSER"):
        assert each in told + (world.newest() / "proof.json").read_text()
    # What stands as text is compared: a schema that lost the trigger is another one.
    world.repack(
        "schema.", lambda plain: plain.replace(b"EVENT TRIGGER loud", b"EVENT TRIGGER low")
    )
    assert fault_of(world.drill()) == "compare: differs"


def test_a_table_that_needs_an_untrusted_extension_is_no_fault_of_the_backup(
    server: Postgres,
) -> None:
    name = "needs"
    world = postgres_world(server, server.folder / name, name, records=5)
    server.run("CREATE EXTENSION dblink", name)
    server.run("CREATE TABLE u (one dblink_pkey_results)", name)
    seen = world.take()
    assert seen.fault is None
    assert seen.blind is not None
    assert seen.blind.startswith("cannot prove here: table u needs extension dblink")
    assert fault_of(world.drill(extensions=("dblink",))) == ""


@pytest.mark.parametrize(
    "line",
    [
        b"\\! id > /tmp/reveille-planted\n",
        b"CREATE ROLE x; \\! id > /tmp/reveille-planted\n",
        b"COPY (SELECT 1) TO PROGRAM 'id > /tmp/reveille-planted';\n",
        b"DO $$ BEGIN END $$;\n",
        b"ALTER ROLE app WITH LOGIN PASSWORD 'x'; SELECT pg_read_file('/etc/passwd');\n",
    ],
)
def test_roles_are_read_as_data(server: Postgres, line: bytes) -> None:
    """A changed roles.sql ran commands as root, in psql."""
    name = f"roles{abs(hash(line)) % 10**6}"
    world = postgres_world(server, server.folder / name, name, records=5)
    assert fault_of(world.take()) == ""
    world.repack("roles.", lambda plain: plain + line)
    seen = world.drill()
    assert not Path("/tmp/reveille-planted").exists()
    assert fault_of(seen) == "restore: restore-failed" or b"SELECT" in line, seen.fault


def test_without_a_sandbox_the_proof_is_refused(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    if outside.SERVICE.is_there():
        pytest.skip("the service is installed here")
    name = "bare"
    world = postgres_world(server, server.folder / name, name, records=5)
    assert fault_of(world.take()) == ""
    proven = world.backups()[0].proven_at
    monkeypatch.setenv("PATH", "/nonexistent")
    seen = world.drill()
    assert seen.fault is None
    assert seen.blind is not None
    assert seen.blind.startswith("cannot prove here: a restore for proof needs a sandbox")
    assert world.backups()[0].proven_at == proven


@pytest.fixture(scope="module")
def maria() -> Iterator[MariaDB]:
    with mariadb() as running:
        yield running


MARIA_PLANTS = (
    "CREATE TABLE t (note TEXT)",
    "INSERT INTO t VALUES ('call')",
    "CREATE DEFINER=root@localhost FUNCTION f() RETURNS TEXT DETERMINISTIC"
    " RETURN LOAD_FILE('/etc/passwd')",
    "CREATE DEFINER=root@localhost VIEW v AS SELECT f() AS told",
    "CREATE DEFINER=root@localhost TRIGGER tr BEFORE INSERT ON t FOR EACH ROW"
    " SET NEW.note = COALESCE(LOAD_FILE('/etc/passwd'), NEW.note)",
    "CREATE DEFINER=root@localhost EVENT e ON SCHEDULE EVERY 1 SECOND DO"
    " INSERT INTO t VALUES ('planted')",
    "CREATE DEFINER=root@localhost PROCEDURE p() SELECT 'x' INTO OUTFILE '/tmp/reveille-planted'",
)
MARIA_LINES = (
    "CALL p();\n",
    "SELECT 'x' INTO OUTFILE '/tmp/reveille-planted';\n",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE t;\n",
    "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t;\n",
    "INSTALL SONAME 'ha_federatedx';\n",
    "\\! id > /tmp/reveille-planted\n",
    "INSERT INTO t VALUES (f());\n",
)


def test_a_dump_of_mariadb_reads_and_writes_no_file(maria: MariaDB) -> None:
    maria.create("planted")
    for statement in MARIA_PLANTS:
        maria.run(statement, "planted")
    login = {"host": str(maria.socket), "user": "root", "database": "planted"}
    world = World(maria.folder / "planted-world", {"engine": "mariadb", **login})
    seen = world.take()
    assert fault_of(seen) == "", seen.fault
    for number, line in enumerate(MARIA_LINES):
        other = world.copy(maria.folder / f"planted{number}")
        other.repack("database.", lambda plain, line=line: plain + line.encode())  # type: ignore[misc]
        assert fault_of(other.drill()) in ("restore: restore-failed", "compare: differs"), line
    assert not Path("/tmp/reveille-planted").exists()
    # What became another is named.
    world.repack("database.", lambda plain: plain.replace(b"SELECT 'x' INTO", b"SELECT 'y' INTO"))
    seen = world.drill()
    assert seen.fault and fault_of(seen) == "compare: differs"
    assert "the schema differs: \"SELECT 'x' INTO OUTFILE" in seen.fault.text
