"""A MariaDB server to throw away: its own data folder, one unix socket, no network. It reads and
writes files in no folder (secure_file_priv), and starts no program.
"""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from checks.contract import Failed
from checks.data.backup.engines.mariadb import content
from checks.data.backup.engines.sockets import socket_folder
from checks.data.backup.job import Source
from checks.data.backup.programs import Tool, ToolFailed, found, needed, run, started
from checks.data.backup.sandbox.server import without_programs
from checks.data.quoted_rows import without_rows

_START_SECONDS = 120.0
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
    "--symbolic-links=OFF",
)


@contextmanager
def server(
    tools: Path | None, scratch: Path, more: Sequence[str] = (), folder: Sequence[str] = ()
) -> Iterator[Source]:
    """A new, empty server, which has `more` of the live one's settings, its `folder` some of them;
    gives the way in. Raises Failed.
    """
    data, nothing = scratch / "data", scratch / "nothing"
    data.mkdir(mode=0o700)
    # Its only folder for files that SQL may read and write: nothing is in it, and nothing can be.
    nothing.mkdir(mode=0o500)
    with socket_folder(scratch) as sockets:
        try:
            _initialise(tools, data, sockets, folder)
        except ToolFailed as failed:
            text = f"{failed.tool}: {without_rows(failed.said)[-600:]}"
            raise Failed("cluster-died", text, origin="local") from failed
        source = Source("mariadb", host=str(sockets / "socket"), user="root")
        words = [
            f"--datadir={data}",
            f"--socket={source.host}",
            f"--pid-file={data}/pid",
            f"--tmpdir={sockets}",
            f"--secure-file-priv={nothing}",
        ]
        program = needed("mariadbd", tools) if found("mariadbd", tools) else needed("mysqld", tools)
        command = without_programs(program, "--no-defaults", *words, *_SETTINGS, *more)
        with started(command, stdout=subprocess.DEVNULL) as running:
            _await(source, running)
            _assert_throw_away(source, data)
            yield _administrator(source)


def _administrator(root: Source) -> Source:
    """Somebody of a name that nobody knows: users of the live server, its root among them, are
    made beside him.
    """
    own = replace(root, user=f"reveille_drill_{secrets.token_hex(8)}")
    with content.connected(root) as connection:
        connection.query(f"CREATE USER {own.user}@localhost")
        connection.query(f"GRANT ALL ON *.* TO {own.user}@localhost WITH GRANT OPTION")
    return own


def _initialise(tools: Path | None, data: Path, temporary: Path, more: Sequence[str]) -> None:
    """Its own folder for temporary tables: a server that starts clears all of that folder's, a live
    neighbour's too.
    """
    plain = [
        "--no-defaults",
        # "normal" gives root an empty password instead of the socket's login, which would want a
        # user of that name.
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        f"--datadir={data}",
        f"--tmpdir={temporary}",
        "--innodb-flush-log-at-trx-commit=0",
        *more,
    ]
    run([needed("mariadb-install-db", tools), *plain])


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
