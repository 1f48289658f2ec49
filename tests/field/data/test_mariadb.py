"""MariaDB databases as sites have them: what is proven comes back, the live server is not held up,
and no fault tells rows or hashes.

Each story prepares one database of a real server, has it backed up and proven, and looks at what
came out.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pymysql
import pytest

from checks.data.backup.engines.mariadb import users
from tests.loopback.backup_world import World, fault_of
from tests.loopback.databases import MariaDB, mariadb

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backup")]

CDR = "create table cdr(id int primary key, src varchar(64))"
ROWS = "insert into cdr select seq, md5(seq) from seq_1_to_50"
# What an INSERT of a PBX may wait at most before its callers hear it.
STALL_SECONDS = 2.0


@dataclass(frozen=True)
class Site:
    """One database on its server, with its backups."""

    server: MariaDB
    world: World
    name: str

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.server.run(statement, self.name)

    def restored(self) -> str:
        """The name of what the newest backup was restored to, beside the live one."""
        name = f"{self.name}_again"
        self.server.run(f"drop database if exists {name}")
        assert fault_of(self.world.restore(to=name)) == ""
        return name


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    with mariadb() as running:
        yield running


@pytest.fixture
def site(server: MariaDB, request: pytest.FixtureRequest) -> Site:
    """An empty database, its backups not taken yet."""
    name = f"db{abs(hash(request.node.name)) % 10**8}"
    server.create(name)
    reached: Mapping[str, object] = {"host": str(server.socket), "user": "root", "database": name}
    return Site(server, World(server.folder / name, {"engine": "mariadb", **reached}), name)


def proven(site: Site) -> None:
    """Backed up, restored, equal."""
    seen = site.world.take()
    assert fault_of(seen) == "", seen.notes


@pytest.mark.parametrize("explicit", [False, True], ids=["implicit", "explicit"])
def test_the_history_of_a_table_comes_back(site: Site, explicit: bool) -> None:
    """mydumper#932."""
    times = (
        ", b timestamp(6) generated always as row start, e timestamp(6) generated always as row"
        " end, period for system_time(b, e)"
        if explicit
        else ""
    )
    site.run(
        f"create table agents(id int primary key, skill varchar(20){times}) with system versioning",
        "insert into agents(id, skill) values (1,'sales'),(2,'support')",
        "update agents set skill='billing' where id=1",
        "delete from agents where id=2",
        CDR,
    )
    count = "select count(*) from agents for system_time all"
    proven(site)
    assert site.server.run(count, site.restored()) == site.server.run(count, site.name)


def test_a_float_comes_back_whole_or_is_named_in_the_proof(site: Site) -> None:
    site.run(
        "create table cost(id int, who varchar(20) charset latin1, f float, g float not null,"
        " seen timestamp(6) default now(6) on update now(6), primary key (id, who))",
        "insert into cost(id, who, f, g) values (1,'x',123456789,1),"
        " (2,'\\'\\\\é',16777217,0.1234567), (3,'',0.1,-0.0),(4,'n',null,3.4e38)",
        "create table keyless(f float)",
        "insert into keyless values (123456789)",
    )
    exact = "select id, hex(who), cast(f as double), cast(g as double), seen from cost order by id"
    assert fault_of(site.world.take()) == ""
    proof = json.loads((site.world.newest() / "proof.json").read_text())
    assert proof["not_run"] == ["FLOATs of keyless.f (1 rows) beyond six digits"]
    assert site.server.run(exact, site.restored()) == site.server.run(exact, site.name)


def test_a_procedure_of_a_user_who_is_gone_is_proven_and_goes_back(site: Site) -> None:
    """worldcubeassociation.org#2045, mysqldump-php#126."""
    site.run(CDR, ROWS, "create user ghost@'%'")
    site.run("create definer=ghost@'%' procedure p() select count(*) from cdr")
    site.run("drop user ghost@'%'")
    proven(site)
    site.restored()


def test_a_user_who_logs_in_by_a_plugin_spoils_no_proof(site: Site) -> None:
    try:
        site.server.run("install soname 'auth_ed25519'")
    except pymysql.OperationalError as problem:
        pytest.skip(f"the plugin is not installed here: {problem}")
    site.run("create user crm@localhost identified via ed25519 using password('secret')")
    site.run(CDR, ROWS)
    try:
        seen = site.world.take()
    finally:
        site.run("drop user crm@localhost")
    assert "USING" not in str(seen.fault).upper()
    assert fault_of(seen) == ""


def test_no_row_stands_in_a_fault(site: Site) -> None:
    site.run(
        "create sequence tickets start with 1000",
        "create table cdr(id int primary key default nextval(tickets), src text)",
        "insert into cdr(src) select concat('secret-caller-', seq) from seq_1_to_50",
    )
    seen = site.world.take()
    assert "secret-caller-" not in str(seen.fault)
    assert "secret-caller-" not in " ".join(seen.notes)


@pytest.mark.parametrize(
    "setting", ["max_statement_time=0.05", "sql_mode='PAD_CHAR_TO_FULL_LENGTH'"]
)
def test_settings_of_the_server_do_not_reach_our_questions(site: Site, setting: str) -> None:
    site.run(
        "create table cdr(id int primary key, code char(10), src varchar(64), t text)",
        "insert into cdr select seq, 'ab', md5(seq), repeat('x',500) from seq_1_to_60000",
    )
    site.server.run(f"set global {setting}")
    try:
        proven(site)
    finally:
        site.server.run("set global max_statement_time=0")
        site.server.run("set global sql_mode=default")


def test_a_name_that_is_only_alike_is_no_hindrance(site: Site) -> None:
    site.run(CDR, ROWS)
    site.server.create(f"{site.name}Xagain")
    proven(site)
    site.restored()


def test_a_busy_table_without_transactions_is_proven(site: Site) -> None:
    """FreePBX keeps its records in MyISAM."""
    site.run(
        "create table cdr(id int auto_increment primary key, src varchar(80)) engine=myisam",
        "insert into cdr(src) select md5(seq) from seq_1_to_20000",
    )
    done = threading.Event()

    def write() -> None:
        with pymysql.connect(**site.server.login(site.name), autocommit=True) as connection:
            cursor = connection.cursor()
            while not done.wait(0.005):
                cursor.execute("insert into cdr(src) values ('c')")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = site.world.take(megabytes_a_second=1.0)
    finally:
        done.set()
        writer.join()
    assert fault_of(seen) == "", seen.notes


def test_live_calls_are_not_held_up_by_a_backup_that_waits(site: Site) -> None:
    """mydumper#1295, ec2-consistent-snapshot#23."""
    site.run(
        "create table cdr(id int auto_increment primary key, src varchar(80)) engine=myisam",
        "create table slow(id int, s int) engine=myisam",
    )
    long = threading.Thread(
        target=site.run, args=("insert into slow select seq, sleep(0.5) from seq_1_to_30",)
    )
    backup = threading.Thread(target=site.world.take)
    long.start()
    worst = 0.0
    with pymysql.connect(**site.server.login(site.name), autocommit=True) as connection:
        cursor = connection.cursor()
        backup.start()
        while long.is_alive():
            begun = time.monotonic()
            cursor.execute("insert into cdr(src) values ('live call')")
            worst = max(worst, time.monotonic() - begun)
            long.join(0.2)
    backup.join()
    assert worst < STALL_SECONDS


def test_a_user_without_a_log_in_is_what_the_drill_makes() -> None:
    """Whatever plugin and however many of them; what limits him stays."""
    written = (
        b"CREATE USER `a`@`%` IDENTIFIED VIA ed25519 USING 'it''s; a hash' REQUIRE SSL;\n"
        b"CREATE USER `b`@`%` IDENTIFIED VIA mysql_native_password USING '*AB' OR unix_socket;\n"
        b"CREATE USER `ID BY`@`%` IDENTIFIED BY PASSWORD '*CD' WITH MAX_USER_CONNECTIONS 1;\n"
    )
    assert users.without_log_ins(written) == (
        b"CREATE USER `a`@`%` REQUIRE SSL;\n"
        b"CREATE USER `b`@`%`;\n"
        b"CREATE USER `ID BY`@`%` WITH MAX_USER_CONNECTIONS 1;\n"
    )


def test_a_view_of_somebody_who_is_gone_is_said_and_proven(site: Site) -> None:
    site.run(CDR, ROWS, "create user leaver@localhost")
    site.run("create definer=leaver@localhost sql security invoker view v as select id from cdr")
    site.run("drop user leaver@localhost")
    seen = site.world.take()
    assert fault_of(seen) == ""
    assert "leaver@localhost" in " ".join(seen.notes)


def test_history_beside_a_name_with_a_dot_and_a_table_without_is_counted(site: Site) -> None:
    site.run(
        "create table `a.b`(id int primary key, said text) with system versioning",
        "insert into `a.b` values (1,'x'),(2,'y')",
        "update `a.b` set said='z'",
        CDR,
    )
    proven(site)
    assert site.world.manifest()["tables"]["a.b"]["rows"] == 4


EVENT = "create event {name} on schedule every 1 day {more} do begin {body}; end"
EVENTS = (
    {"name": "e", "more": "comment ';;'", "body": "delete from cdr"},
    {"name": "`b;;`", "more": "disable", "body": "delete from cdr /* ;; */ where src = '$$'"},
    {"name": "c", "more": "on completion preserve", "body": "-- it's;;\ndelete from cdr"},
    {"name": "d", "more": "", "body": "set @a = 'Grüße ;; 日本'"},
)


def test_events_with_which_the_tool_comes_to_no_end_come_back(site: Site) -> None:
    """Two semicolons side by side, in a body, a name or a comment: mariadb-dump looks for a
    delimiter for ever.
    """
    site.run(CDR, "create or replace user rota@localhost")
    for each in EVENTS:
        site.run(EVENT.format(**each))
    site.run("create definer=rota@localhost event f on schedule every 1 day do set @b = 1")
    proven(site)
    asked = (
        "select event_name, definer, sql_mode, status, event_comment, character_set_client,"
        " time_zone, on_completion, hex(event_definition) from information_schema.events"
        " where event_schema = database() order by 1"
    )
    again = site.restored()
    assert site.server.run(asked, again) == site.server.run(asked, site.name)
    assert site.server.run(asked.replace("hex(", "("), again)[2][-1].count("日本") == 1


@pytest.mark.parametrize(
    "body",
    [
        "begin select 1 /* a */; end",
        "begin select/*a*/1/*b*/,2; end",
        "begin select /*a*//*b*/ 1; end",
        "begin select (/*+ x */1/*b*/), '/*a*/;', \"/*'*/;\"; -- /*x*/;\n select 2; end",
    ],
)
def test_a_comment_in_a_routine_is_no_difference(site: Site, body: str) -> None:
    """MariaDB's client puts a blank behind a comment."""
    site.run(CDR, f"create procedure p() {body}")
    site.run(f"create trigger t before insert on cdr for each row {body.replace('select', 'do')}")
    proven(site)
    site.restored()


def test_a_table_that_asks_a_sequence_comes_back_and_says_whose_it_asks(site: Site) -> None:
    """MariaDB 1100: no lock on a table is one on the sequence of its default."""
    site.run(
        "create sequence up start with 1000",
        "create table cdr(id bigint default nextval(up) primary key, s text)",
        "insert into cdr(s) values ('a'), ('b')",
    )
    proven(site)
    seen = site.world.restore(to=f"{site.name}_again")
    assert fault_of(seen) == ""
    assert any(f"speak of the database {site.name}" in said for said in seen.warnings), (
        seen.warnings
    )


def test_a_view_of_another_database_is_no_fault_of_the_backup(site: Site) -> None:
    """What it needs is named, in the fault and in RESTORE.md; beside the other one it goes back."""
    other = f"{site.name}_other"
    site.server.create(other)
    site.run(
        CDR,
        f"create table {other}.t(id int)",
        f"create view far as select * from {other}.t",
    )
    seen = site.world.take()
    assert fault_of(seen) == "restore: other-database"
    assert seen.fault is not None
    assert "cannot prove here" in seen.fault.text
    assert f"needs the database {other}" in seen.fault.text
    assert f"to be there before: {other}" in (site.world.newest() / "RESTORE.md").read_text()
    site.restored()
