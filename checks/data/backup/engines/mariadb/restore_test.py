"""A MariaDB backup, restored into a server to throw away: its own data folder, one unix socket, no
network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial as bound
from pathlib import Path

import pymysql

from checks.contract import Failed
from checks.data.backup.engine import Found, Work, compared
from checks.data.backup.engines.mariadb import content, dump, programs
from checks.data.backup.engines.sockets import socket_folder
from checks.data.backup.engines.unpacking import unpack_all
from checks.data.backup.job import Source
from checks.data.backup.programs import Tool, ToolFailed, found, needed, run, started
from checks.data.backup.store.manifest import Manifest

_START_SECONDS = 120.0
# A view or routine whose definer is missing fails when it is used (error 1449), and not when it is
# restored.
_DEFINERS = (
    "SELECT DISTINCT definer FROM (SELECT definer FROM information_schema.views WHERE table_schema"
    " = DATABASE() UNION SELECT definer FROM information_schema.routines WHERE routine_schema ="
    " DATABASE() UNION SELECT definer FROM information_schema.triggers WHERE trigger_schema ="
    " DATABASE() UNION SELECT definer FROM information_schema.events WHERE event_schema ="
    " DATABASE()) AS d WHERE definer NOT IN (SELECT CONCAT(user, '@', host) FROM mysql.user) AND"
    " definer LIKE '%@%'"
)
# Reached by its socket alone, nothing durable, and no event of the restored application may run in
# a drill.
_SETTINGS = (
    "--skip-networking",
    "--skip-log-bin",
    "--skip-slave-start",
    "--event-scheduler=OFF",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=256M",
    "--innodb-log-file-size=256M",
    "--max-allowed-packet=1G",
    "--performance-schema=OFF",
    "--local-infile=OFF",
)


class MariadbRehearsal:
    """A backup of MariaDB, restored into a server to throw away and compared."""

    def __init__(self, tools: Path | None = None) -> None:
        self._tools = tools

    def scratch_bytes(self, manifest: Manifest) -> int:
        """The database, its dump unpacked, and the server's own logs."""
        # Indexes built anew need up to half as much again; the redo log and the system's own tables
        # are some 600 MB.
        return int(1.5 * manifest.facts["database_bytes"]) + manifest.plain_bytes + 600_000_000

    def rehearse(self, folder: Path, manifest: Manifest, scratch: Path, work: Work) -> Found:
        """Restore it under `scratch` and read it; nothing of it runs when this returns. Raises
        Failed.
        """
        archive = scratch / "archive"
        archive.mkdir(mode=0o700)
        # Unpacking and making the server ready need different things, disk and processor: they go
        # on side by side.
        unpacking = work.beside(bound(unpack_all, folder, manifest, archive, work))
        with server(self._tools, scratch, work.run_as) as source:
            unpacking.result()
            restored = replace(source, database=manifest.facts["database"])
            load(restored, manifest, archive, self._tools, users=True)
            with work.events.stage("compare"):
                found_there = read(restored, manifest, work, self._tools)
                compared(manifest, found_there)
        return found_there


def load(
    source: Source, manifest: Manifest, archive: Path, tools: Path | None, users: bool
) -> None:
    """Users, then the database, which must not be there. Raises Failed."""
    # Without --binary-mode the client takes CR LF within a value for LF, and stops at a NUL.
    client: list[str | Path] = [needed_client(tools), *programs.address(source), "--binary-mode"]
    facts = manifest.facts
    try:
        if users and (archive / dump.USERS).exists():
            with (archive / dump.USERS).open("rb") as plain:
                # Before the database, whose views and routines name these users.
                run([*client, "mysql"], programs.environment(source), stdin=plain)
        with content.connected(replace(source, database="")) as connection:
            name = content.quoted(source.database)
            connection.query(
                f"CREATE DATABASE {name} CHARACTER SET {facts['charset']} COLLATE"
                f" {facts['collation']}"
            )
        with (archive / dump.DATABASE).open("rb") as plain:
            run([*client, source.database], programs.environment(source), stdin=plain)
    except pymysql.Error as problem:
        raise Failed("restore-failed", str(problem)) from problem
    except ToolFailed as failed:
        raise Failed("restore-failed", f"{failed.tool}: {failed.said[-600:]}") from failed


def read(source: Source, manifest: Manifest, work: Work, tools: Path | None) -> Found:
    """What the restored database holds. Raises Failed."""
    try:
        with content.connected(source) as connection:
            names = [name for name, _, _ in content.rows(connection, content.TABLES)]
            tables = content.contents(connection, names, work.advance)
            newest = content.newest_record(connection, manifest.facts["newest_record_query"])
            missing = [who for (who,) in content.rows(connection, _DEFINERS)]
        plain = programs.schema(programs.dump_program(tools), source)
    except pymysql.Error as problem:
        raise Failed("compare-failed", str(problem), origin="local") from problem
    except ToolFailed as failed:
        raise Failed(
            "compare-failed", f"{failed.tool}: {failed.said[-600:]}", origin="local"
        ) from failed
    wrong = [
        f"the user {who}, who defines something, is missing"
        for who in missing
        if _has_users(manifest)
    ]
    if hashlib.sha256(plain).hexdigest() != manifest.schema_sha256:
        wrong.append("the schema differs")
    return Found(tables, newest, tuple(wrong))


@contextmanager
def server(tools: Path | None, scratch: Path, run_as: str) -> Iterator[Source]:
    """A new, empty server; gives the way in. Raises Failed."""
    user = _user(run_as)
    data = scratch / "data"
    data.mkdir(mode=0o700)
    with socket_folder(scratch, user) as sockets:
        if user:
            shutil.chown(data, user)
        try:
            _initialise(tools, data, sockets, user)
        except ToolFailed as failed:
            raise Failed(
                "cluster-died", f"{failed.tool}: {failed.said[-600:]}", origin="local"
            ) from failed
        source = Source("mariadb", host=str(sockets / "socket"), user="root")
        words = [
            f"--datadir={data}",
            f"--socket={source.host}",
            f"--pid-file={data}/pid",
            f"--tmpdir={sockets}",
        ]
        program = needed("mariadbd", tools) if found("mariadbd", tools) else needed("mysqld", tools)
        command: list[str | Path] = [program, "--no-defaults", *words, *_SETTINGS]
        with started(command, stdout=subprocess.DEVNULL, user=user) as running:
            _await(source, running)
            _assert_throw_away(source, data)
            yield source


def needed_client(tools: Path | None) -> Path:
    """mariadb, or mysql where that is what there is. Raises Failed."""
    return found("mariadb", tools) or needed("mysql", tools)


def _initialise(tools: Path | None, data: Path, temporary: Path, user: str | None) -> None:
    """Its own folder for temporary tables: a server that starts clears all of that folder's, a live
    neighbour's too.
    """
    plain = [
        "--no-defaults",
        # "normal" gives root an empty password instead of the socket's login: the drill may run as
        # another user.
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        f"--datadir={data}",
    ]
    plain.append(f"--tmpdir={temporary}")
    own = [f"--user={user}"] if user else []
    run(
        [needed("mariadb-install-db", tools), *plain, "--innodb-flush-log-at-trx-commit=0", *own],
        user=user,
    )


def _await(source: Source, running: Tool) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with content.connected(source):
                return
        except Failed:
            # A server that has ended will not answer any more: to wait out the time would hide its
            # own words.
            if not running.running() or time.monotonic() > deadline:
                text = f"the drill's server did not start: {running.said()[-600:]}"
                raise Failed("cluster-died", text, origin="local") from None
            time.sleep(0.05)


def _assert_throw_away(source: Source, data: Path) -> None:
    with content.connected(source) as connection:
        # Two signs that it is not the live one: its folder is ours, and it listens to no network.
        [(there, network)] = content.rows(connection, "SELECT @@datadir, @@skip_networking")
        if Path(there).resolve() != data.resolve() or not network:
            raise RuntimeError(f"the drill's server is not the drill's: it lives in {there}")


def _user(wanted: str) -> str | None:
    # Whoever is not root runs the server as himself.
    if os.geteuid() != 0:
        return None
    import pwd

    for name in filter(None, (wanted, "mysql", "nobody")):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


def _has_users(manifest: Manifest) -> bool:
    return any(artefact.name.startswith(dump.USERS) for artefact in manifest.artefacts)
