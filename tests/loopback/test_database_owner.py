"""Whoever owns a database has nothing of his run by the monitor's own user of the server: no
operator, function, cast or relation of his stands in for PostgreSQL's own.

Each plant says who ran it. The monitor's user may read more than the owner may.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from checks.data.hygiene import servers
from checks.data.usage import drivers
from checks.data.usage.record_formats import FORMATS
from checks.data.usage.record_query import Bounds, TableRecords
from checks.data.usage.source_faults import SourceFault
from checks.host.collectors.collector import Look
from checks.host.collectors.postgresql import PostgreSql
from checks.host.database_health import DatabaseHealth
from tests.loopback.backup_world import World, fault_of, postgres_world
from tests.loopback.databases import Postgres, postgres

pytestmark = pytest.mark.xdist_group("backup")

WHO = """
CREATE FUNCTION {where}.who() RETURNS bool LANGUAGE plpgsql AS $f$
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
