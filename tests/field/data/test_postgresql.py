"""PostgreSQL databases as sites have them: a proof is equal where RESTORE.md brings back what there
was, and a fault of this host is never booked as the backup's own.

Each story prepares one database of a real server, has it backed up and proven, and looks at what
came out.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zstandard

from checks.data.backup.engines.postgresql import content
from tests.loopback.backup_world import World, fault_of
from tests.loopback.databases import Postgres, postgres

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backup")]

CDR = "create table cdr(id serial primary key, src text)"
ROWS = "insert into cdr(src) select md5(i::text) from generate_series(1,100) i"
FUNCTION = """create function mark(n int) returns void language sql as $$
UPDATE cdr
SET src = 'x

y'
-- only the one
WHERE id = n;
$$"""
HOLES = """do $$ declare f int; begin f := lo_open(4711, 131072);
perform lo_lseek(f, 1000000, 0); perform lowrite(f, 'tail'); perform lo_close(f); end $$"""
PARTITIONED = """create table calls (at timestamptz not null, said text, src text)
 partition by range (at);
create table calls_20 partition of calls for values from ('2026-11-20') to ('2026-11-21');
insert into calls select '2026-11-20'::timestamptz + i*interval '15 seconds', md5(i::text), 's'||i
 from generate_series(1,5000) i"""


@dataclass(frozen=True)
class Site:
    """One database on its server, with its backups."""

    server: Postgres
    world: World
    name: str

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.server.run(statement, self.name)

    def by_hand(self, server: Postgres) -> str:
        """What the very commands of the newest RESTORE.md end with on this server; "" for well."""
        folder = self.world.newest()
        text = (folder / "RESTORE.md").read_text(encoding="utf-8")
        commands = "\n".join(re.findall(r"^    (.*)$", text, re.MULTILINE))
        done = subprocess.run(
            ["bash", "-e", "-c", commands],
            cwd=folder,
            env=server.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        wrong = [
            line
            for line in done.stderr.splitlines()
            if "rror" in line and "already exists" not in line
        ]
        return "\n".join(wrong) or ("" if done.returncode == 0 else done.stderr[-400:])


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(scope="module")
def fresh() -> Iterator[Postgres]:
    """An empty one, to go back to by hand."""
    with postgres() as running:
        yield running


@pytest.fixture
def site(server: Postgres, request: pytest.FixtureRequest) -> Site:
    """An empty database, its backups not taken yet."""
    name = f"db{abs(hash(request.node.name)) % 10**8}"
    server.create(name)
    reached = {"host": str(server.sockets), "user": "postgres", "database": name}
    return Site(server, World(server.folder / name, {"engine": "postgresql", **reached}), name)


def proven(site: Site) -> None:
    """Backed up, restored, equal."""
    seen = site.world.take()
    assert fault_of(seen) == "", seen.notes


def test_a_table_in_a_tablespace_comes_back_by_hand_too(site: Site, fresh: Postgres) -> None:
    """timescaledb#1548, pg_hardstorage#50."""
    tablespace(site.server)
    site.run("create table cdr(id serial primary key, src text) tablespace fast", ROWS)
    proven(site)
    assert site.by_hand(fresh) == ""


def test_a_database_in_a_tablespace_is_proven(site: Site) -> None:
    tablespace(site.server)
    site.run(CDR, ROWS)
    site.server.run(f"alter database {site.name} set tablespace fast")
    proven(site)


def tablespace(server: Postgres) -> None:
    """The tablespace `fast`, once."""
    place = server.folder / "fast"
    if place.exists():
        return
    place.mkdir()
    if server.user:
        shutil.chown(place, server.user)
    server.run(f"create tablespace fast location '{place}'")


def test_a_database_that_is_read_only_by_default_is_proven(site: Site) -> None:
    """gpbackup PR 176."""
    site.run(CDR, ROWS, f"alter database {site.name} set default_transaction_read_only=on")
    proven(site)


def test_a_database_without_an_encoding_is_backed_up(site: Site) -> None:
    """psycopg#561 #276, pgadmin4 PR 6277."""
    site.server.run(f"drop database {site.name}")
    site.server.run(
        f"create database {site.name} encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'"
        " template template0"
    )
    site.run(CDR, ROWS, r"insert into cdr(src) values (E'M\xfcller')")
    proven(site)


def test_a_large_object_with_a_hole_is_proven(site: Site) -> None:
    site.run(CDR, ROWS, "select lo_create(4711)", HOLES)
    proven(site)


def test_what_belongs_to_the_database_itself_comes_back(site: Site) -> None:
    """databasement PR 577, hestiacp#2804."""
    server, name = site.server, site.name
    server.run("create role crm_app login")
    site.run("create schema asterisk", "create table asterisk.cdr(id int)")
    for own in (
        f"revoke connect, temp on database {name} from public",
        f"grant connect on database {name} to crm_app",
        f"alter role crm_app in database {name} set search_path='asterisk'",
        f"alter database {name} connection limit 20",
        f"comment on database {name} is 'production'",
    ):
        server.run(own)
    before = own_of(site)
    proven(site)
    assert fault_of(site.world.restore(overwrite=True)) == ""
    assert own_of(site) == before


def test_a_database_sorted_by_icu_stays_so(site: Site) -> None:
    server, name = site.server, site.name
    server.run(f"drop database {name}")
    server.run(
        f"create database {name} template template0 locale_provider icu icu_locale 'de-DE'"
        " locale 'C'"
    )
    site.run(CDR, "insert into cdr(src) values ('z'),('ä'),('B'),('a')")
    before = own_of(site)
    proven(site)
    assert fault_of(site.world.restore(overwrite=True)) == ""
    assert own_of(site) == before


def own_of(site: Site) -> tuple[object, ...]:
    """What the server keeps of the database outside of it."""
    return (
        site.server.run(
            "select datacl::text, datconnlimit, shobj_description(oid,'pg_database'),"
            f" datlocprovider, datdba::regrole::text from pg_database where datname='{site.name}'"
        ),
        site.server.run(
            "select r.rolname, setconfig::text from pg_db_role_setting s"
            " left join pg_roles r on r.oid=setrole join pg_database d on d.oid=setdatabase"
            f" where datname='{site.name}' order by 1"
        ),
    )


def test_the_schema_beside_the_backup_is_what_pg_dump_wrote(site: Site) -> None:
    site.run(CDR, FUNCTION)
    proven(site)
    packed = site.world.artefact("schema.sql").read_bytes()
    schema = zstandard.ZstdDecompressor().stream_reader(packed).read().decode()
    assert FUNCTION.split("$$")[1] in schema


def test_a_renamed_column_of_a_partition_does_not_spoil_the_next_backup(site: Site) -> None:
    site.run(*PARTITIONED.split(";"))
    small: dict[str, float] = {"part_megabytes": 0.1}
    assert fault_of(site.world.take(**small)) == ""
    site.run("alter table calls rename column said to spoken")
    assert fault_of(site.world.take(**small)) == ""


def test_a_role_whose_setting_has_two_lines_comes_back(site: Site) -> None:
    server, name = site.server, site.name
    server.run("create role motd login")
    server.run("alter role motd set app.motd = 'line1\nline2'")
    server.run(f"alter database {name} owner to motd")
    site.run(CDR)
    proven(site)
    server.run(f"drop database {name}")
    server.run("drop role motd")
    assert fault_of(site.world.restore()) == ""


@pytest.mark.parametrize(
    "setting", ["quote_all_identifiers = on", "idle_session_timeout = '300ms'"]
)
def test_settings_of_a_role_do_not_reach_our_questions(
    site: Site, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = site.server
    server.run("create role careful superuser login password 'pw'")
    monkeypatch.setenv("CAREFUL", "pw")
    as_role: dict[str, Any] = {"user": "careful", "password": {"environment": "CAREFUL"}}
    try:
        server.run(f"alter role careful set {setting}")
        site.run(CDR, ROWS)
        assert fault_of(site.world.take(**as_role)) == ""
        assert fault_of(site.world.restore(overwrite=True, **as_role)) == ""
    finally:
        server.run("drop role careful")


def test_dots_in_names_do_not_make_two_tables_one(site: Site) -> None:
    site.run(
        'create schema "a.b"',
        'create schema "a"',
        'create table "a.b"."c"(id int)',
        'create table "a"."b.c"(id int)',
        'insert into "a.b"."c" values (1)',
        'insert into "a"."b.c" values (1), (2)',
    )
    proven(site)
    assert len(site.world.manifest()["tables"]) == 2


@pytest.fixture
def standby(server: Postgres, tmp_path: Path) -> Iterator[Callable[[], Postgres]]:
    """Makes a standby of the server as it is when it is called."""
    made: list[Postgres] = []

    def make() -> Postgres:
        folder = server.folder / f"standby{tmp_path.name}"
        done = subprocess.run(
            ["pg_basebackup", "-D", str(folder / "data"), "-R", "-X", "stream", "-c", "fast",
             "--no-sync", f"--tablespace-mapping={server.folder}/fast={folder}/fast"],
            env=server.environment(), user=server.user, cwd=server.folder,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        run = folder / "run"
        run.mkdir()
        for owned in (folder, run):
            if server.user:
                shutil.chown(owned, server.user)
        command = [
            str(folder / "data") if word == str(server.folder / "data") else word
            for word in server.command
        ]
        command = [word.replace(str(server.folder / "run"), str(run)) for word in command]
        other = Postgres(folder, command, server.user)
        other.start()
        made.append(other)
        return other

    yield make
    for other in made:
        other.stop()


def test_a_standby_with_an_unlogged_table_is_backed_up(
    site: Site, standby: Callable[[], Postgres]
) -> None:
    """barman and pgBackRest back up from standbys."""
    site.run(CDR, ROWS, "create unlogged table live(id int)", "insert into live values (1)")
    other = standby()
    seen = site.world.take(host=str(other.sockets))
    assert fault_of(seen) == "", seen.notes


def test_a_standby_that_is_behind_says_of_when_its_data_are(
    site: Site, standby: Callable[[], Postgres]
) -> None:
    """pgbackrest#1162 #1222."""
    site.run(CDR, ROWS)
    other = standby()
    site.run("insert into cdr(src) values ('replayed')")
    while not other.run("select pg_last_xact_replay_timestamp() is not null")[0][0]:
        continue
    other.run("select pg_wal_replay_pause()")
    site.run("insert into cdr(src) select 'today' from generate_series(1,50)")
    replayed = other.run("select pg_last_xact_replay_timestamp()")[0][0]
    assert fault_of(site.world.take(host=str(other.sockets))) == ""
    assert site.world.manifest()["data_as_of"][:19] == f"{replayed:%Y-%m-%dT%H:%M:%S}"


def test_a_bare_word_at_the_start_of_a_line_of_a_text_is_kept() -> None:
    """Two bodies that differ in such a line alone are two schemas."""
    body = b"CREATE FUNCTION f() RETURNS text AS $_$\nSET a;\n\n-- b\n$_$ LANGUAGE sql;\n"
    noise = b"--\n-- Name: f; Type: FUNCTION\n--\n\nSET x = 1;\n\\restrict abc\n\n"
    assert content.plain_schema(noise + body + noise) == body
    for quoted in (b"COMMENT ON TABLE t IS 'x\n-- y\n''\n';\n", b'CREATE TABLE "a\n\nSET " ();\n'):
        assert content.plain_schema(noise + quoted) == quoted


def test_a_column_that_changed_its_type_or_place_is_dumped_anew(site: Site) -> None:
    site.run(*PARTITIONED.split(";"))
    small: dict[str, float] = {"part_megabytes": 0.1}
    assert fault_of(site.world.take(**small)) == ""
    site.run("alter table calls drop column src", "alter table calls add column src text")
    assert fault_of(site.world.take(**small)) == ""
    site.run("alter table calls alter column said type varchar(64)")
    assert fault_of(site.world.take(**small)) == ""


def test_a_setting_that_is_a_list_and_rights_to_pass_on_come_back(site: Site) -> None:
    server, name = site.server, site.name
    server.run("create role passer login")
    site.run(CDR, ROWS)
    server.run(f"grant create on database {name} to passer with grant option")
    server.run(f"""alter database {name} set search_path to asterisk, "a.b", public""")
    server.run(f"alter database {name} set work_mem to '8MB'")
    server.run(f"comment on database {name} is 'the client''s\nown'")
    before = own_of(site)
    proven(site)
    assert fault_of(site.world.restore(overwrite=True)) == ""
    assert own_of(site) == before


def test_objects_of_zeros_and_of_nothing_are_told_apart(site: Site) -> None:
    """A hole in one is as long as zeros in the other; an empty object is one too."""
    site.run(
        "select lo_from_bytea(1, decode(repeat('00', 5000), 'hex'))",
        "select lo_create(2)",
        "select lo_from_bytea(3, decode('00ff00', 'hex'))",
    )
    proven(site)
    assert site.world.manifest()["tables"]["large objects"]["rows"] == 3


def test_who_sees_some_rows_alone_makes_no_backup(site: Site, tmp_path: Path) -> None:
    """Row-level security hides rows from a reader without BYPASSRLS: half a table is no table."""
    site.run(
        CDR,
        ROWS,
        "create role half login password 'half-secret'",
        "grant select on all tables in schema public to half",
        "grant select on all sequences in schema public to half",
        "alter table cdr enable row level security",
        "create policy early on cdr for select to half using (id <= 50)",
    )
    (tmp_path / "secret").write_text("half-secret")
    half = {"user": "half", "password": {"file": tmp_path / "secret"}}
    seen = site.world.take(**half)
    assert fault_of(seen) == "dump: permission"
    assert seen.fault is not None
    assert "row-level security" in seen.fault.text
    site.server.run("alter role half bypassrls")
    assert fault_of(site.world.take(**half)) == ""
    assert site.world.manifest()["tables"]["public.cdr"]["rows"] == 100
    site.run("drop owned by half", "drop role half")
