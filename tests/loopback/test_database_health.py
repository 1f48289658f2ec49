"""A database's health by real servers: PostgreSQL with a standby, MariaDB with a replica, each
broken in its turn.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pymysql
import pytest

from checks.contract import Observation
from checks.host.database_health import DatabaseHealth
from checks.settings import Secret
from tests.loopback.databases import POSTGRES_PROGRAMS, MariaDB, Postgres, mariadb, postgres
from tests.loopback.host_look import Watch, fault, severities, tells

# Servers that others follow are made once, and not once for each worker.
pytestmark = pytest.mark.xdist_group("replicas")

BROKEN = {"xop": "major", "ozonetel": "P2"}


@pytest.fixture(scope="module")
def primary() -> Iterator[Postgres]:
    with postgres(
        {"wal_level": "replica", "max_wal_senders": "4", "wal_receiver_status_interval": "1"}
    ) as server:
        server.create("calls")
        server.run("CREATE TABLE cdr (id int, note text)", "calls")
        yield server


@contextmanager
def standby(primary: Postgres, folder: Path, name: str = "standby-b") -> Iterator[Postgres]:
    """A real standby that follows the primary over its socket."""
    user = "postgres" if os.geteuid() == 0 else None
    short = Path(tempfile.mkdtemp(prefix="db-", dir="/tmp"))
    try:
        (short / "run").mkdir()
        short.chmod(0o755)
        for owned in (short, short / "run"):
            if user:
                shutil.chown(owned, user)
        source = f"host={primary.sockets} port=5432 user=postgres application_name={name}"
        command = [
            str(POSTGRES_PROGRAMS / "pg_basebackup"),
            "-D",
            str(short / "data"),
            "-R",
            "-c",
            "fast",
            "-d",
            source,
        ]
        done = subprocess.run(
            command, user=user, cwd=short, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        given = {
            "listen_addresses": "",
            "unix_socket_directories": str(short / "run"),
            "port": "5432",
            "fsync": "off",
        }
        given |= {"wal_retrieve_retry_interval": "200ms", "cluster_name": name}
        options = [word for key, value in given.items() for word in ("-c", f"{key}={value}")]
        server = Postgres(
            short, [str(POSTGRES_PROGRAMS / "postgres"), "-D", str(short / "data"), *options], user
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(short)


def asking(folder: Path, server: Postgres, **settings: object) -> Watch:
    where = {"host": str(server.sockets), "port": 5432, "database": "calls", "user": "postgres"}
    return Watch(folder, DatabaseHealth(engine="postgresql", server=where, **settings))


async def until(host: Watch, wanted: Callable[[Observation], bool]) -> Observation:
    """Look until it is so."""
    deadline = time.monotonic() + 120
    while not wanted(seen := await host.look()):
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.1)
    return seen


async def test_a_primary_with_its_standby_is_well_and_without_it_is_a_major_ticket(
    primary: Postgres, tmp_path: Path
) -> None:
    host = asking(tmp_path, primary, standby_names=("standby-b",))
    with standby(primary, tmp_path) as follower:
        well = await until(host, lambda seen: seen.fault is None)
        assert well.measures["standbys"] == 1
        assert well.measures["lag_seconds"] < 60
        assert tells(well, "PostgreSQL 1")
        (tmp_path / "b").mkdir()
        itself = asking(tmp_path / "b", follower, replica=True)
        assert (await until(itself, lambda seen: seen.fault is None)).measures["lag_seconds"] < 60
        follower.run("SELECT pg_wal_replay_pause()")
        assert fault(await itself.look())[1] == "replication-broken"
        follower.run("SELECT pg_wal_replay_resume()")
    broken = await until(host, lambda seen: seen.fault is not None)
    stage, code, text = fault(broken)
    assert (stage, code) == ("replication", "replication-broken")
    assert "standby-b" in text
    assert severities("database-health", broken).items() <= BROKEN.items()


async def test_a_standby_whose_primary_is_gone_is_broken(primary: Postgres, tmp_path: Path) -> None:
    with standby(primary, tmp_path) as follower:
        host = asking(tmp_path, follower, replica=True)
        await until(host, lambda seen: seen.fault is None)
        primary.stop()
        try:
            broken = await until(host, lambda seen: seen.fault is not None)
        finally:
            primary.start()
    assert fault(broken)[:2] == ("replication", "replication-broken")
    assert "not connected to its primary" in fault(broken)[2]


async def test_a_server_that_should_be_a_standby_and_takes_writes_is_broken(
    primary: Postgres, tmp_path: Path
) -> None:
    assert "no standby" in fault(await asking(tmp_path, primary, replica=True).look())[2]


async def test_a_transaction_that_never_ends_is_named(primary: Postgres, tmp_path: Path) -> None:
    with psycopg.connect(primary.address("calls")) as connection:
        connection.execute("SELECT 'the forgotten one'")
        host = asking(tmp_path, primary, longest_transaction="1s")
        seen = await until(host, lambda seen: seen.fault is not None)
    stage, code, text = fault(seen)
    assert (stage, code) == ("connections", "long-transaction")
    assert "the forgotten one" in text


async def test_connections_that_run_out_are_a_fault_before_and_when_they_have(
    primary: Postgres, tmp_path: Path
) -> None:
    most = int(primary.run("SHOW max_connections")[0][0])
    taken = [psycopg.connect(primary.address("calls")) for _ in range(most - 6)]
    try:
        seen = await asking(tmp_path, primary, most_connections_percent=80).look()
        assert fault(seen)[:2] == ("connections", "connections-full")
    finally:
        for connection in taken:
            connection.close()


async def test_a_server_that_is_gone_is_a_critical_ticket(
    primary: Postgres, tmp_path: Path
) -> None:
    host = asking(tmp_path, primary)
    primary.stop()
    try:
        seen = await host.look()
    finally:
        primary.start()
    assert fault(seen)[:2] == ("connect", "unreachable")
    expected = {"xop": "critical", "ozonetel": "P1"}
    assert severities("database-health", seen).items() <= expected.items()


async def test_a_wrong_password_is_refused_and_is_in_no_word(
    primary: Postgres, tmp_path: Path
) -> None:
    primary.run("CREATE ROLE watcher LOGIN PASSWORD 'right'; GRANT pg_monitor TO watcher")
    word = tmp_path / "word"
    word.write_text("a-wrong-secret")
    where = {
        "host": str(primary.sockets),
        "database": "calls",
        "user": "watcher",
        "password": Secret(file=word),
    }
    host = Watch(tmp_path, DatabaseHealth(engine="postgresql", server=where))
    seen = await host.look()
    assert fault(seen)[:2] == ("connect", "login-refused")
    assert "a-wrong-secret" not in repr(seen)
    word.write_text("right")
    assert (await host.look()).fault is None


async def test_growth_is_a_slope_through_the_nights(primary: Postgres, tmp_path: Path) -> None:
    host = asking(tmp_path, primary)
    for night in range(5):
        primary.run(
            "INSERT INTO cdr SELECT n, repeat('x', 900) FROM generate_series(1, 4000) n", "calls"
        )
        seen = await host.look(at=1_700_000_000 + night * 86400)
    assert 3 < seen.measures["growth_megabytes"] < 6
    assert tells(seen, "the database grows by")


def of_mariadb(folder: Path, server: MariaDB, **settings: object) -> Watch:
    where = {"host": str(server.socket), "database": "mysql", "user": "root"}
    return Watch(folder, DatabaseHealth(engine="mariadb", server=where, **settings))


def follow(source: MariaDB, replica: MariaDB, port: int) -> None:
    source.run("CREATE USER follower@'%' IDENTIFIED BY 'f'")
    source.run("GRANT REPLICATION SLAVE ON *.* TO follower@'%'")
    name, position, *_ = source.run("SHOW MASTER STATUS")[0]
    replica.run(
        f"CHANGE MASTER TO master_host='127.0.0.1', master_port={port}, master_user='follower',"
        f" master_password='f', master_log_file='{name}', master_log_pos={position},"
        # The source notices that a replica is gone when its next heartbeat finds nobody.
        " master_connect_retry=1, master_heartbeat_period=1"
    )
    replica.run("START SLAVE")


def has_table(server: MariaDB) -> bool:
    return bool(server.run("SHOW TABLES LIKE 'cdr'", "records"))


@contextmanager
def relay(socket_path: Path) -> Iterator[int]:
    """A TCP port before a server's socket: a replica can speak to nothing else."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            return
        finally:
            for end in (one, other):
                end.close()

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(str(socket_path))
            except OSError:
                near.close()
                far.close()
                continue
            for ends in ((near, far), (far, near)):
                threading.Thread(target=pump, args=ends, daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


@pytest.fixture(scope="module")
def source() -> Iterator[MariaDB]:
    with mariadb({"server-id": "1", "log-bin": "binlog"}) as server:
        yield server


async def test_a_mariadb_replica_that_follows_and_one_that_meets_what_it_cannot_apply(
    source: MariaDB, tmp_path: Path
) -> None:
    with mariadb({"server-id": "2"}) as replica, relay(source.socket) as port:
        follow(source, replica, port)
        host = of_mariadb(tmp_path, replica, replica=True)
        well = await until(host, lambda seen: seen.fault is None and "lag_seconds" in seen.measures)
        assert well.measures["lag_seconds"] < 60
        (tmp_path / "source").mkdir()
        first = of_mariadb(tmp_path / "source", source, standbys=1)
        assert (await until(first, lambda seen: seen.fault is None)).measures["standbys"] == 1
        source.create("records")
        source.run("CREATE TABLE cdr (id int PRIMARY KEY) ENGINE=InnoDB", "records")
        await until(
            host, lambda _: ("records",) in replica.run("SHOW DATABASES") and has_table(replica)
        )
        replica.run("INSERT INTO cdr VALUES (1)", "records")
        source.run("INSERT INTO cdr VALUES (1)", "records")
        broken = await until(host, lambda seen: seen.fault is not None)
        stage, code, text = fault(broken)
        assert (stage, code) == ("replication", "replication-broken")
        assert "Duplicate entry" in text
        assert severities("database-health", broken).items() <= BROKEN.items()
        replica.run("STOP SLAVE")
        gone = await until(first, lambda seen: seen.fault is not None)
        assert fault(gone)[1] == "replication-broken"


async def test_a_mariadb_that_takes_no_writes_and_one_that_forgets_a_transaction(
    source: MariaDB, tmp_path: Path
) -> None:
    host = of_mariadb(tmp_path, source, longest_transaction="1s")
    well = await host.look()
    assert well.fault is None
    assert tells(well, "1")
    source.create("calls")
    source.run("CREATE TABLE cdr (id int) ENGINE=InnoDB", "calls")
    with pymysql.connect(**source.login("calls")) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO cdr VALUES (1)")
        seen = await until(host, lambda seen: seen.fault is not None)
    assert fault(seen)[:2] == ("connections", "long-transaction")
    source.run("SET GLOBAL read_only = ON")
    try:
        assert (
            fault(
                await until(host, lambda seen: bool(seen.fault and seen.fault.code == "read-only"))
            )[0]
            == "storage"
        )
    finally:
        source.run("SET GLOBAL read_only = OFF")
    source.stop()
    try:
        assert fault(await host.look())[:2] == ("connect", "unreachable")
    finally:
        source.start()
