"""Whoever owns a database has nothing of his run by the monitor's own user of the server: no
operator, function, cast or relation of his stands in for PostgreSQL's own.

Each plant says who ran it. The monitor's user may read more than the owner may.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from checks.data.hygiene import servers
from checks.data.usage import drivers
from checks.data.usage.record_formats import FORMATS
from checks.data.usage.record_query import Bounds, TableRecords
from checks.data.usage.source_faults import SourceFault
from checks.host.collectors.postgresql import PostgreSql
from tests.loopback.backup_world import World, fault_of, postgres_world
from tests.loopback.databases import Postgres, postgres

pytestmark = pytest.mark.xdist_group("backup")

WHO = """
CREATE FUNCTION {where}.who() RETURNS bool LANGUAGE plpgsql SET search_path = pg_catalog AS $f$
BEGIN
  IF session_user <> 'app' THEN RAISE EXCEPTION 'PLANTED runs as %', session_user; END IF;
  RETURN true;
END $f$"""
# What the catalogues' questions compare, where PostgreSQL has no operator of just these types.
PAIRS = [
    ("oid", "regclass"), ("oid", "regnamespace"), ("oid", "regtype"), ("oid", "int2"),
    ("oid", "int4"), ("oid", "int8"), ("name", "varchar"), ("int2", "oid"), ("int4", "oid"),
    ("regclass", "oid"), ("regnamespace", "oid"), ("regtype", "oid"), ("varchar", "varchar"),
    ("xid", "int8"), ("interval", "int4"),
]  # fmt: skip


def operators(where: str, pairs: list[tuple[str, str]]) -> str:
    made = []
    for number, (left, right) in enumerate(pairs):
        made.append(
            f"CREATE FUNCTION {where}.f{number}({left}, {right}) RETURNS bool LANGUAGE plpgsql AS"
            f" 'BEGIN RETURN {where}.who(); END'"
        )
        made += [
            f"CREATE OPERATOR {where}.{sign} (LEFTARG = {left}, RIGHTARG = {right},"
            f" FUNCTION = {where}.f{number})"
            for sign in ("=", "<", ">=", "<>")
        ]
    return "; ".join(made)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        running.run("CREATE ROLE app LOGIN")
        running.run("CREATE ROLE reader LOGIN; GRANT pg_read_all_data, pg_monitor TO reader")
        yield running


def owned(server: Postgres, name: str) -> World:
    world = postgres_world(server, server.folder / name, name, records=5)
    server.run(f"ALTER DATABASE {name} OWNER TO app")
    server.run("GRANT ALL ON SCHEMA public TO app; ALTER TABLE cdr OWNER TO app", name)
    return world


def as_app(server: Postgres, name: str, *statements: str) -> None:
    for statement in statements:
        server.run(f"SET SESSION AUTHORIZATION app; {statement}", name)


def test_a_backup_compares_by_nobodys_operators(server: Postgres) -> None:
    world = owned(server, "operators")
    as_app(server, "operators", WHO.format(where="public"), operators("public", PAIRS))
    seen = world.take()
    assert "PLANTED" not in f"{seen.fault} {seen.notes}"
    assert fault_of(seen) == ""


# Exactly what PostgreSQL has itself: an earlier schema of the path is asked first.
SAME = [
    (kind, kind)
    for kind in ("oid", "name", "text", "int4", "int8", "bool", "timestamp", "timestamptz")
]
HIJACKED = (
    "CREATE SCHEMA evil",
    WHO.format(where="evil"),
    operators("evil", [*PAIRS, *SAME]),
    "CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE plpgsql AS"
    " 'BEGIN PERFORM evil.who(); RETURN pg_catalog.now(); END'",
    "CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE plpgsql AS"
    " 'BEGIN PERFORM evil.who(); RETURN 7; END'",
    "CREATE FUNCTION evil.step(int8) RETURNS int8 LANGUAGE plpgsql AS"
    " 'BEGIN PERFORM evil.who(); RETURN $1 + 1; END';"
    " CREATE AGGREGATE evil.count(*) (SFUNC = evil.step, STYPE = int8, INITCOND = 0)",
    *(
        f"CREATE VIEW evil.{name} AS SELECT *, evil.who() FROM pg_catalog.{name}"
        for name in ("pg_class", "pg_stat_activity", "pg_database", "pg_settings")
    ),
    "ALTER DATABASE {name} SET search_path = evil, pg_catalog, public",
)


def server_of(server: Postgres, name: str) -> dict[str, Any]:
    return {"host": str(server.sockets), "port": 5432, "database": name, "user": "postgres",
            "password": "", "trusted": ""}  # fmt: skip


@pytest.fixture(scope="module")
def hijacked(server: Postgres) -> dict[str, Any]:
    owned(server, "hijacked")
    as_app(server, "hijacked", *(one.replace("{name}", "hijacked") for one in HIJACKED))
    with pytest.raises(psycopg.errors.RaiseException, match="PLANTED runs as postgres"):
        server.run("SELECT count(*) FROM pg_class", "hijacked")
    return server_of(server, "hijacked")


def test_usage_asks_by_the_servers_own_names(hijacked: dict[str, Any]) -> None:
    place = {
        "server": hijacked,
        "table": "cdr",
        "columns": {"start": "calldate", "length": "billsec"},
    }
    bounds = Bounds([(0, 2_000_000_000)], 2_000_000_000, "UTC")
    with drivers.open_postgres(place) as dialect:
        rows = [
            row
            for rows in TableRecords(dialect, FORMATS["own"], place, bounds).rows()
            for row in rows
        ]
    assert len(rows) == 5


def test_hygiene_asks_and_removes_by_the_servers_own_names(
    server: Postgres, hijacked: dict[str, Any]
) -> None:
    place = {"server": hijacked, "table": "cdr"}
    with servers.open_postgres(place, "calldate", "UTC") as store:
        assert store.now() is not None
        assert store.columns() == ["id", "calldate", "src", "billsec"]
        assert store.parts("2000-01-01", "2100-01-01") == ["cdr"]
        assert store.count(None, "2100-01-01") == 5
        assert len(list(store.rows(["id"], "2000-01-01", "2100-01-01"))) == 5
        assert sum(store.remove("2000-01-01", "2100-01-01", 2)) == 5
    assert server.run("SELECT FROM public.cdr LIMIT 1", "hijacked") == []


def test_a_servers_health_is_asked_by_its_own_names(hijacked: dict[str, Any]) -> None:
    with drivers.open_postgres({"server": hijacked}) as dialect:
        health = PostgreSql(dialect)
        assert health.alive().startswith("PostgreSQL ")
        assert health.connections()[0] >= 1
        assert health.oldest_transaction()[0] >= 0
        assert health.clock() > 0


def test_a_column_of_the_owners_own_type_is_not_compared(server: Postgres) -> None:
    """A cast that he calls implicit would be taken where the server has no operator of the type."""
    owned(server, "typed")
    made = "CREATE TYPE public.moment AS ENUM ('now')"
    kept = "CREATE TABLE public.ours (id int, start public.moment, billsec int)"
    as_app(server, "typed", made, kept)
    columns = {"start": "start", "length": "billsec"}
    place = {"server": server_of(server, "typed"), "table": "ours", "columns": columns}
    said = "type public.moment, which users of the database have made"
    with (
        pytest.raises(SourceFault, match=said),
        servers.open_postgres(place, "start", "UTC"),
    ):
        pass
    bounds = Bounds([(0, 2_000_000_000)], 2_000_000_000, "UTC")
    with drivers.open_postgres(place) as dialect, pytest.raises(SourceFault, match=said):
        TableRecords(dialect, FORMATS["own"], place, bounds)


@pytest.mark.parametrize(
    "plant",
    [
        "CREATE INDEX ON public.cdr (src, (public.who()))",
        "CREATE INDEX ON public.cdr (src) WHERE public.who()",
        "CREATE STATISTICS st ON (public.who() AND src = 'a'), src FROM public.cdr",
    ],
    ids=["index", "condition", "statistic"],
)
def test_a_superuser_plans_no_question_to_a_table_that_calls_its_owners_own(
    server: Postgres, plant: str
) -> None:
    """A plan works out ahead what is called with constants alone, as whoever asks."""
    name = f"planned_{len(plant)}"
    owned(server, name)
    who = WHO.format(where="public").replace("LANGUAGE", "IMMUTABLE LANGUAGE")
    as_app(server, name, who, plant)
    with pytest.raises(psycopg.errors.RaiseException, match="PLANTED runs as postgres"):
        server.run("SELECT count(*) FROM public.cdr WHERE id > 3", name)
    place = {"server": server_of(server, name), "table": "cdr", "columns": {"start": "calldate"}}
    said = "calls what users of the database have made: a superuser's question would run it"
    with pytest.raises(SourceFault, match=said), drivers.open_postgres(place) as dialect:
        TableRecords(dialect, FORMATS["own"], place, Bounds([(0, 9)], 9, "UTC"))
    with (
        pytest.raises(SourceFault, match=said),
        servers.open_postgres(place, "calldate", "UTC"),
    ):
        pass
