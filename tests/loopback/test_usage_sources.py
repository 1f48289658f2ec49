"""The same records out of every source there is: one result; and what can be wrong with each, said
by real servers.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import psycopg
import pymysql
import pytest

from checks.contract import CannotTell, Failed, Observation, Trace
from checks.data.usage.check import Usage
from lab import records as lab
from tests.loopback.databases import MariaDB, Postgres, mariadb, postgres

ZONE, DATE = "Asia/Kolkata", date(2026, 11, 20)
TRUNKS = ["PJSIP/trunk-*"]
SCHEMA = Path(__file__).parents[2] / "checks" / "data" / "usage" / "schema.json"
pytestmark = pytest.mark.xdist_group("call records")  # two servers, made once


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> lab.Files:
    """Fifteen days of a small centre."""
    return lab.write(tmp_path_factory.mktemp("records"), 7, ZONE, DATE, days=15, calls_a_day=150)


@pytest.fixture(scope="module")
def cdrs(written: lab.Files) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(written.sqlite)) as database:
        return database.execute("SELECT * FROM cdr").fetchall()


@pytest.fixture(scope="module")
def pg(cdrs: list[tuple[Any, ...]], written: lab.Files) -> Iterator[Postgres]:
    with postgres() as server:
        server.create("calls")
        columns = ", ".join(f'"{name}" {_type(name, "timestamp")}' for name in lab.COLUMNS)
        with psycopg.connect(server.address("calls")) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE cdr ({columns})".encode())
            cursor.execute("CREATE INDEX ON cdr (start)")
            with cursor.copy("COPY cdr FROM STDIN") as copy:
                for record in cdrs:
                    row = [v if v != "" or at not in (10,) else None for at, v in enumerate(record)]
                    copy.write_row(row)
            cursor.execute("CREATE TABLE queue_log (time bigint, callid text, queuename text, "
                           "agent text, event text, data1 text, data2 text, data3 text, "
                           "data4 text, data5 text)")  # fmt: skip
            with cursor.copy("COPY queue_log FROM STDIN") as copy:
                for fields in queue_fields(written):
                    copy.write_row(fields)
            cursor.execute("CREATE ROLE reader LOGIN PASSWORD 'hunter2'")
            cursor.execute("GRANT SELECT ON cdr, queue_log TO reader")
            cursor.execute("CREATE ROLE stranger LOGIN PASSWORD 'hunter2'")
        yield server


@pytest.fixture(scope="module")
def maria(cdrs: list[tuple[Any, ...]], written: lab.Files) -> Iterator[MariaDB]:
    with mariadb() as server:
        server.create("asteriskcdrdb")
        columns = ", ".join(f"`{name}` {_type(name, 'datetime NULL')}" for name in lab.COLUMNS)
        with pymysql.connect(**server.login("asteriskcdrdb"), autocommit=True) as connection:
            cursor = connection.cursor()
            cursor.execute(f"CREATE TABLE cdr ({columns}, KEY (start))")
            marks = ", ".join(["%s"] * len(lab.COLUMNS))
            cursor.executemany(
                f"INSERT INTO cdr VALUES ({marks})",
                [[v if v != "" else None for v in r] for r in cdrs],
            )
            cursor.execute("CREATE TABLE queue_log (time varchar(32), callid varchar(80), "
                           "queuename varchar(80), agent varchar(80), event varchar(32), "
                           "data1 varchar(90), data2 varchar(90), data3 varchar(90), "
                           "data4 varchar(90), data5 varchar(90))")  # fmt: skip
            cursor.executemany(
                f"INSERT INTO queue_log VALUES ({', '.join(['%s'] * 10)})", queue_fields(written)
            )
            cursor.execute("CREATE USER reader IDENTIFIED BY 'hunter2'")
            cursor.execute("GRANT SELECT ON asteriskcdrdb.* TO reader")
            cursor.execute("CREATE USER stranger IDENTIFIED BY 'hunter2'")
        yield server


def _type(name: str, stamp: str) -> str:
    if name in ("start", "answer", "end"):
        return stamp
    return "integer" if name in ("duration", "billsec", "sequence") else "varchar(150)"


def queue_fields(written: lab.Files) -> list[list[str]]:
    lines = written.queue_log.read_text(encoding="utf-8").splitlines()
    return [
        [*fields[:10], *[""] * (10 - len(fields))] for line in lines if (fields := line.split("|"))
    ]


def usage(
    records: dict[str, Any], queue_log: dict[str, Any] | None = None, **settings: Any
) -> Usage:
    given = {
        "records": records,
        "queue_log": queue_log,
        "trunks": TRUNKS,
        "timezone": ZONE,
        "date": DATE,
        "weeks": 2,
    }
    return Usage.model_validate(given | settings)


def looked(check: Usage, folder: Path) -> Observation:
    """One attempt."""
    folder.mkdir(exist_ok=True)
    trace = Trace(time.monotonic, folder)
    try:
        asyncio.run(check.probe(trace))
    except Failed as refused:
        return trace.observation(refused)
    return trace.observation()


def result(observation: Observation) -> dict[str, Any]:
    """What the exhibit says, in the form that it promises."""
    assert observation.fault is None, observation.fault
    [exhibit] = observation.exhibits
    told: dict[str, Any] = json.loads(exhibit.path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(told)
    assert set(observation.measures) <= set(
        Usage.model_validate({"records": {"file": "x"}}).measures()
    )
    return told


def figures(told: dict[str, Any]) -> dict[str, Any]:
    """All but where it comes from."""
    return {name: value for name, value in told.items() if name not in ("source", "read_at")}


@pytest.fixture(scope="module")
def of_the_file(written: lab.Files, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    check = usage({"file": str(written.csv)}, {"file": str(written.queue_log)})
    return result(looked(check, tmp_path_factory.mktemp("file")))


@pytest.fixture
def password(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "password"
    file.write_text("hunter2\n", encoding="utf-8")
    return {"file": str(file)}


def test_the_file_gives_what_plain_sql_counts(
    of_the_file: dict[str, Any], written: lab.Files
) -> None:
    question = """
        WITH call AS (
            SELECT min(start) AS start, max(disposition = 'ANSWERED') AS answered,
                   max(CASE disposition WHEN 'ANSWERED' THEN billsec END) AS talk
            FROM cdr GROUP BY linkedid HAVING max(accountcode) <> 'reveille')
        SELECT count(*), sum(answered), sum(talk) FROM call WHERE start >= ? AND start < ?"""
    with closing(sqlite3.connect(written.sqlite)) as database:
        counted = database.execute(
            question, ("2026-11-20 00:00:00", "2026-11-21 00:00:00")
        ).fetchone()
    calls = of_the_file["calls"]
    assert (calls["offered"], calls["answered"], calls["talk_seconds"]) == counted
    assert calls["own"] == 2
    assert calls["offered"] > 100
    assert of_the_file["comparison"]["weeks"] == 2


def test_sqlite_gives_the_same(
    of_the_file: dict[str, Any], written: lab.Files, tmp_path: Path
) -> None:
    check = usage({"sqlite": str(written.sqlite)}, {"file": str(written.queue_log)})
    assert figures(result(looked(check, tmp_path / "a"))) == figures(of_the_file)


def test_postgresql_gives_the_same(
    of_the_file: dict[str, Any], pg: Postgres, password: dict[str, str], tmp_path: Path
) -> None:
    server = {"host": str(pg.sockets), "database": "calls", "user": "reader", "password": password}
    check = usage({"postgresql": server}, {"postgresql": server})
    assert figures(result(looked(check, tmp_path / "a"))) == figures(of_the_file)


def test_mariadb_gives_the_same(
    of_the_file: dict[str, Any], maria: MariaDB, password: dict[str, str], tmp_path: Path
) -> None:
    server = {
        "host": str(maria.socket),
        "database": "asteriskcdrdb",
        "user": "reader",
        "password": password,
    }
    check = usage({"mariadb": server}, {"mariadb": server})
    assert figures(result(looked(check, tmp_path / "a"))) == figures(of_the_file)


def test_rotated_and_compressed_files_are_one(
    of_the_file: dict[str, Any], written: lab.Files, tmp_path: Path
) -> None:
    lines = written.csv.read_bytes().splitlines(keepends=True)
    (tmp_path / "Master.csv.1.gz").write_bytes(gzip.compress(b"".join(lines[:900])))
    (tmp_path / "Master.csv").write_bytes(b"".join(lines[900:]) + b'"","half a reco')
    check = usage({"file": str(tmp_path / "Master.csv*")}, {"file": str(written.queue_log)})
    told = result(looked(check, tmp_path / "a"))
    assert told["odd"].pop("unreadable") == 1
    expected = figures(of_the_file)
    assert figures(told) == {
        **expected,
        "odd": {k: v for k, v in expected["odd"].items() if k != "unreadable"},
    }


def test_an_own_table_by_its_mapping(
    of_the_file: dict[str, Any], written: lab.Files, tmp_path: Path
) -> None:
    path = tmp_path / "own.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("ATTACH ? AS theirs", (str(written.sqlite),))
        database.execute("CREATE TABLE talks AS SELECT strftime('%s', start, '-330 minutes') + 0 "
                         "AS begun, duration AS secs, billsec, disposition, linkedid, "
                         "sequence, accountcode FROM theirs.cdr")  # fmt: skip
    columns = {
        "start": "begun", "length": "secs", "talk": "billsec", "outcome": "disposition",
        "id": "linkedid", "order": "sequence", "account": "accountcode",
    }  # fmt: skip
    records = {
        "sqlite": str(path),
        "format": "own",
        "table": "talks",
        "times": "epoch",
        "columns": columns,
    }
    told = result(looked(usage(records), tmp_path / "a"))
    assert {key: told[key] for key in ("calls", "concurrency", "busy_hour")} == {
        key: of_the_file[key] for key in ("calls", "concurrency", "busy_hour")
    }


def test_freeswitch_counts_by_its_causes(tmp_path: Path) -> None:
    file = tmp_path / "Master.csv"
    lines: list[tuple[Any, ...]] = [
        ("10:00:00", "10:00:04", "10:01:04", 64, 60, "NORMAL_CLEARING", "a"),
        ("10:00:30", "", "10:00:40", 10, 0, "USER_BUSY", "b"),
        ("10:00:31", "", "10:00:41", 10, 0, "NO_ROUTE_DESTINATION", "c"),
        ("10:00:32", "", "10:00:52", 20, 0, "ORIGINATOR_CANCEL", "d"),
    ]
    written = [
        ('Anna, "A"', "100", "8000", "public",
         *(at and f"2026-11-20 {at}" for at in line[:3]), *line[3:], "", "")
        for line in lines
    ]  # fmt: skip
    quoted = (
        ",".join('"' + str(field).replace('"', '""') + '"' for field in line) for line in written
    )
    file.write_text("\n".join(quoted) + "\n", encoding="utf-8")
    told = result(
        looked(usage({"file": str(file), "format": "freeswitch"}, trunks=[]), tmp_path / "a")
    )
    assert (told["calls"]["offered"], told["calls"]["answered"], told["calls"]["delivered"]) == (
        4,
        1,
        3,
    )
    assert told["calls"]["abandoned"] == 1
    assert told["concurrency"]["peak"] == 4
    assert [(row["cause"], row["hits"]) for row in told["failures"]] == [(3, 1), (16, 1), (17, 1)]
    assert told["trunks"][0]["name"] == "public"


def test_kamailio_pairs_invite_and_bye(
    tmp_path: Path, maria: MariaDB, password: dict[str, str]
) -> None:
    maria.run("CREATE DATABASE IF NOT EXISTS kamailio")
    maria.run("GRANT SELECT ON kamailio.* TO reader")
    maria.run("CREATE TABLE kamailio.acc (id int, method varchar(16), from_tag varchar(64), "
              "to_tag varchar(64), callid varchar(255), sip_code varchar(3), "
              "sip_reason varchar(128), time datetime)")  # fmt: skip
    rows = [
        ("INVITE", "a", "200", "10:00:00"), ("BYE", "a", "200", "10:02:00"),
        ("INVITE", "b", "486", "10:00:10"), ("INVITE", "c", "200", "10:00:20"),
        ("BYE", "d", "200", "00:00:05"),
    ]  # fmt: skip
    for method, call, code, at in rows:
        maria.run(
            f"INSERT INTO kamailio.acc VALUES (1,'{method}','','','{call}','{code}','','2026-11-20"
            f" {at}')"
        )
    server = {
        "host": str(maria.socket),
        "database": "kamailio",
        "user": "reader",
        "password": password,
    }
    told = result(
        looked(usage({"mariadb": server, "format": "kamailio"}, trunks=[]), tmp_path / "a")
    )
    calls = told["calls"]
    assert (calls["offered"], calls["answered"], calls["talk_seconds"], calls["acd_seconds"]) == (
        3,
        2,
        120,
        60.0,
    )
    assert (calls["service_level"], calls["asa_seconds"], told["odd"]["without_end"]) == (
        None,
        None,
        1,
    )


# --- what can be wrong


def fault(check: Usage, folder: Path) -> tuple[str, str]:
    seen = looked(check, folder).fault
    assert seen is not None
    assert "hunter" not in seen.text
    return seen.stage, seen.code


def test_postgresql_says_what_is_wrong(
    pg: Postgres, password: dict[str, str], tmp_path: Path
) -> None:
    good = {"host": str(pg.sockets), "database": "calls", "user": "reader", "password": password}
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter3\n", encoding="utf-8")
    cases: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        (good | {"host": str(tmp_path)}, {}, "unreachable"),
        (good | {"password": {"file": str(wrong)}}, {}, "login-refused"),
        (good | {"user": "nobody-here"}, {}, "login-refused"),
        (good | {"password": None}, {}, "login-refused"),
        (good | {"database": "nowhere"}, {}, "no-such-database"),
        (good, {"table": "cdrs"}, "no-such-table"),
        (good, {"columns": {"did": "dialled"}}, "no-such-column"),
        (good | {"user": "stranger"}, {}, "not-allowed"),
    ]
    for server, more, code in cases:
        assert fault(usage({"postgresql": server, **more}), tmp_path / "a") == ("connect", code)


def test_mariadb_says_what_is_wrong(
    maria: MariaDB, password: dict[str, str], tmp_path: Path
) -> None:
    good = {
        "host": str(maria.socket),
        "database": "asteriskcdrdb",
        "user": "reader",
        "password": password,
    }
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter3\n", encoding="utf-8")
    cases: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        (good | {"host": str(tmp_path / "none.sock")}, {}, "unreachable"),
        (good | {"password": {"file": str(wrong)}}, {}, "login-refused"),
        (good, {"table": "cdrs"}, "no-such-table"),
        (good, {"columns": {"did": "dialled"}}, "no-such-column"),
        (good | {"user": "stranger"}, {}, "not-allowed"),
    ]
    for server, more, code in cases:
        assert fault(usage({"mariadb": server, **more}), tmp_path / "a") == ("connect", code)


def test_files_say_what_is_wrong(written: lab.Files, tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"not a database at all" * 100)
    half = tmp_path / "half.csv.gz"
    half.write_bytes(gzip.compress(written.csv.read_bytes())[:5000])
    assert fault(usage({"file": str(tmp_path / "none.csv")}), tmp_path / "a") == (
        "connect",
        "no-such-file",
    )
    assert fault(usage({"sqlite": str(tmp_path / "none.db")}), tmp_path / "a") == (
        "connect",
        "no-such-file",
    )
    assert fault(usage({"sqlite": str(broken)}), tmp_path / "a") == ("connect", "corrupt")
    assert fault(usage({"sqlite": str(written.sqlite), "table": "calls"}), tmp_path / "a") == (
        "connect",
        "no-such-table",
    )
    assert fault(usage({"file": str(half)}), tmp_path / "a")[1] == "corrupt"


def test_a_day_without_calls_is_a_fault_only_where_there_usually_are_some(
    written: lab.Files, tmp_path: Path
) -> None:
    silent = date(2026, 11, 27)
    seen = looked(usage({"sqlite": str(written.sqlite)}, date=silent), tmp_path / "a")
    assert seen.fault is not None
    assert (seen.fault.stage, seen.fault.code) == ("compute", "no-records")
    assert [exhibit.name for exhibit in seen.exhibits] == ["usage.json"]
    empty = tmp_path / "empty.db"
    lab.write_sqlite(empty, [])
    new = looked(usage({"sqlite": str(empty)}), tmp_path / "b")
    assert new.fault is None
    assert new.measures["offered_calls"] == 0
    assert "asr_percent" not in new.measures


def test_a_clock_that_stands_in_the_night_of_the_change(tmp_path: Path) -> None:
    """A day of 25 hours: both its hours from one to two are there, and no call is in doubt."""
    zone, night = "America/New_York", date(2026, 11, 1)
    files = lab.write(tmp_path, 3, zone, night, days=1, calls_a_day=3000)
    told = result(
        looked(usage({"file": str(files.csv)}, timezone=zone, date=night, weeks=0), tmp_path / "a")
    )
    assert (told["day_hours"], len(told["hours"])) == (25.0, 25)
    assert [hour["label"] for hour in told["hours"]][1:3] == ["01:00-04:00", "01:00-05:00"]
    assert sum(hour["offered"] for hour in told["hours"]) == told["calls"]["offered"] > 500
    assert told["odd"]["ambiguous_times"] == told["odd"]["clock_steps"] == 0


def test_it_ends_with_its_time_limit_and_leaves_no_process(tmp_path: Path) -> None:
    """A source that never answers: the attempt knows nothing, and its process is gone."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        server = {
            "host": "127.0.0.1",
            "port": silent.getsockname()[1],
            "database": "x",
            "user": "x",
        }
        check = usage({"postgresql": server}, time_limit="3s")
        before = {child.pid for child in psutil.Process().children(recursive=True)}
        with pytest.raises(CannotTell, match="not through within 3 s"):
            looked(check, tmp_path / "a")
        assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_secrets_go_by_the_pipe_alone(tmp_path: Path, password: dict[str, str]) -> None:
    """Seen while it waits for a silent server: neither its arguments nor its environment hold the
    password.
    """

    async def watched() -> str:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            silent.setblocking(False)
            server = {
                "host": "127.0.0.1",
                "port": silent.getsockname()[1],
                "database": "x",
                "user": "x",
            }
            check = usage({"postgresql": server | {"password": password}})
            (tmp_path / "a").mkdir()
            attempt = asyncio.create_task(check.probe(Trace(time.monotonic, tmp_path / "a")))
            came, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(silent), 60)
            [child] = [
                one
                for one in psutil.Process().children(recursive=True)
                if "checks.data.usage.child" in one.cmdline()
            ]
            seen = " ".join([*child.cmdline(), *child.environ(), *child.environ().values()])
            attempt.cancel()
            await asyncio.wait({attempt})
            came.close()
        return seen

    assert "checks.data.usage.child" in (seen := asyncio.run(watched()))
    assert "hunter2" not in seen
