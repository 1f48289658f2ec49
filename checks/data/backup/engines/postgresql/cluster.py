"""A PostgreSQL server to throw away: a cluster under a scratch folder, reached by one unix socket
and by nothing else.

Its superuser has a random name, so that the roles of the backup, `postgres` among them, can all be
made. Nothing of it is durable (fsync off): it lives for minutes. It runs in a sandbox only, can
start no program, and dies with the worker.
"""

from __future__ import annotations

import secrets
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from checks.contract import Failed
from checks.data.backup.engines.postgresql.connection import connected
from checks.data.backup.engines.sockets import socket_folder
from checks.data.backup.job import Source
from checks.data.backup.programs import Tool, ToolFailed, run, started
from checks.data.backup.sandbox.server import without_programs

# The prefix marks what is ours: nothing is restored into a server whose superuser is called
# otherwise.
PREFIX = "reveille_drill_"
_START_SECONDS, _STOP_SECONDS = 120.0, 20.0
# No network, and nothing durable: the PostgreSQL manual lists these under "Non-Durable Settings".
# What remains is for the bulk of a restore: large maintenance memory, rare checkpoints, no
# autovacuum beside it.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "archive_mode": "off",
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "max_wal_size": "8GB",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "256MB",
    "max_parallel_maintenance_workers": "1",
    "parallel_setup_cost": "0",
    "min_parallel_table_scan_size": "1MB",
    "bgwriter_lru_maxpages": "0",
    "jit": "off",
    "lc_messages": "C",
    "logging_collector": "off",
    "event_source": "reveille-drill",
}


@contextmanager
def cluster(tools: Path, scratch: Path, more: Mapping[str, str]) -> Iterator[Source]:
    """A new, empty server, which has `more` of the live one's settings; gives the way in, as its
    superuser. Raises Failed.
    """
    name = PREFIX + secrets.token_hex(8)
    data = scratch / "cluster"
    with socket_folder(scratch) as sockets:
        try:
            _initialise(tools, data, name)
            with _running(tools, data, sockets, more) as server:
                source = Source("postgresql", host=str(sockets), user=name, database="postgres")
                _await(source, server)
                assert_throw_away(source, data)
                yield source
                _stop(server)
        except ToolFailed as failed:
            raise Failed(
                "cluster-died", f"{failed.tool}: {failed.said[-600:]}", origin="local"
            ) from failed


def assert_throw_away(source: Source, data: Path) -> None:
    """Make certain that this is not the live server, before anything is restored."""
    with connected(source) as connection:
        row = connection.execute(
            "SELECT current_setting('data_directory'), current_setting('listen_addresses')"
        )
        there, listens = row.fetchone() or ("", "?")
        if Path(there).resolve() != data.resolve() or listens or not source.user.startswith(PREFIX):
            raise RuntimeError(f"the drill's server is not the drill's: it lives in {there}")


def _initialise(tools: Path, data: Path, name: str) -> None:
    data.mkdir(mode=0o700)
    # --auth=trust is safe here: the socket lies in a folder of mode 0700, and there is no network.
    plain = ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
    run([tools / "initdb", *plain, f"--username={name}", f"--pgdata={data}"])


@contextmanager
def _running(tools: Path, data: Path, sockets: Path, more: Mapping[str, str]) -> Iterator[Tool]:
    settings = {
        **more,
        **_SETTINGS,
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
    }
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = without_programs(tools / "postgres", "-D", data, *words)
    with started(command, stdout=subprocess.DEVNULL) as server:
        yield server


def _await(source: Source, server: Tool) -> None:
    # A cluster on a slow disk needs a while for its first start; a healthy one answers within a
    # second.
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(
                host=source.host, user=source.user, dbname=source.database, connect_timeout=5
            ).close()
        except psycopg.OperationalError:
            if not server.running() or time.monotonic() > deadline:
                raise Failed(
                    "cluster-died", f"the drill's server did not start: {server.said()}", "local"
                ) from None
            time.sleep(0.02)
        else:
            return


def _stop(server: Tool) -> None:
    """At once: nothing of it is kept."""
    # SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint of data that is thrown away.
    server.signal(signal.SIGQUIT)
    server.wait(_STOP_SECONDS)
