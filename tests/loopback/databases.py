"""Database servers of our own: Debian's PostgreSQL and MariaDB, each in a throw-away folder.

They listen on a unix socket in that folder and nowhere else; nothing of the host's own servers is
touched. A server takes two seconds to come up, so share it: a fixture of module or session scope.
Durability is off by default, as nothing of it is kept; `settings` of the server's own (`{"fsync":
"on"}`) may put it back.

    with postgres() as server:
        server.create("calls")
        with psycopg.connect(server.address("calls")) as connection: ...
    with mariadb() as server:
        server.create("calls")
        with pymysql.connect(**server.login("calls")) as connection: ...
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pymysql

POSTGRES_PROGRAMS = max(
    Path("/usr/lib/postgresql").glob("*/bin"),
    key=lambda programs: int(programs.parent.name),
    default=Path("/usr/lib/postgresql/none/bin"),
)
_PATIENCE_SECONDS = 60.0
_FAST_POSTGRES = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "2GB",
    "shared_buffers": "64MB",
}
_FAST_MARIADB = {
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-buffer-pool-size": "64M",
    "innodb-doublewrite": "0",
    "performance-schema": "OFF",
}
_S = TypeVar("_S", bound="Server")
_HBA = "local all {owner} trust\nlocal replication {owner} trust\nlocal all all scram-sha-256\n"


@dataclass
class Server:
    """A server under a folder; `kill`, `stop` and `start` let a test take it away and bring it
    back.
    """

    folder: Path
    command: list[str]
    user: str | None = None
    """whom the server runs as; None for ourselves"""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def sockets(self) -> Path:
        """The folder of the socket: what `host` is to a PostgreSQL client."""
        return self.folder / "run"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "server.log"

    def start(self) -> None:
        """Start, and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                user=self.user,
                cwd=self.folder,
            )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop in good order."""
        self._end(signal.SIGINT if isinstance(self, Postgres) else signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGQUIT if isinstance(self, Postgres) else signal.SIGKILL)

    def answers(self) -> bool:
        """Whether it takes connections."""
        raise NotImplementedError

    def _end(self, by: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(by)
        try:
            self.process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


@dataclass
class Postgres(Server):
    """PostgreSQL; its owner `postgres` comes in without a password, every other role needs one."""

    owner: str = "postgres"

    def address(self, database: str = "postgres", user: str = "") -> str:
        """A connection string for libpq; without a password."""
        return f"host={self.sockets} port=5432 dbname={database} user={user or self.owner}"

    def run(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Execute (outside a transaction), and give back the rows if there are any."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            done = connection.execute(sql.encode())
            return done.fetchall() if done.description else []

    def create(self, database: str) -> None:
        """A new, empty database."""
        self.run(f'CREATE DATABASE "{database}" TEMPLATE template0')

    def environment(self) -> dict[str, str]:
        """For PostgreSQL's own programs: where the server is, and where they are."""
        path = f"{POSTGRES_PROGRAMS}:{os.environ['PATH']}"
        return {
            **os.environ,
            "PATH": path,
            "PGHOST": str(self.sockets),
            "PGPORT": "5432",
            "PGUSER": self.owner,
        }

    def answers(self) -> bool:
        try:
            psycopg.connect(self.address(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@dataclass
class MariaDB(Server):
    """MariaDB; root comes in without a password over the socket."""

    @property
    def socket(self) -> Path:
        """The socket itself: what `unix_socket` is to a MariaDB client."""
        return self.sockets / "mysqld.sock"

    def login(
        self, database: str | None = None, user: str = "root", password: str = ""
    ) -> dict[str, Any]:
        """Arguments for `pymysql.connect`."""
        return {
            "unix_socket": str(self.socket),
            "user": user,
            "password": password,
            "database": database,
        }

    def run(self, sql: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Execute and commit one statement, and give back its rows if there are any."""
        with (
            pymysql.connect(**self.login(database), autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
            return list(cursor.fetchall())

    def create(self, database: str) -> None:
        """A new, empty database."""
        self.run(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4")

    def answers(self) -> bool:
        with socket.socket(
            socket.AF_UNIX
        ) as trial:  # a client that is refused would leave its own one open
            if trial.connect_ex(str(self.socket)):
                return False
        try:
            pymysql.connect(**self.login(), connect_timeout=2).close()
        except pymysql.OperationalError:
            return False
        return True


@contextmanager
def postgres(settings: Mapping[str, str] | None = None) -> Iterator[Postgres]:
    """PostgreSQL while the block runs."""
    user = "postgres" if os.geteuid() == 0 else None  # it refuses root
    with _folder(user) as folder:
        data = folder / "data"
        initialise = [
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]
        _run([str(POSTGRES_PROGRAMS / "initdb"), *initialise, f"--pgdata={data}"], user, folder)
        (data / "pg_hba.conf").write_text(_HBA.format(owner="postgres"))
        given = {**_FAST_POSTGRES, **(settings or {})}
        given |= {
            "listen_addresses": "",
            "unix_socket_directories": str(folder / "run"),
            "port": "5432",
        }
        options = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        yield from _running(
            Postgres(folder, [str(POSTGRES_PROGRAMS / "postgres"), "-D", str(data), *options], user)
        )


@contextmanager
def mariadb(settings: Mapping[str, str] | None = None) -> Iterator[MariaDB]:
    """MariaDB while the block runs."""
    account = pwd.getpwuid(os.geteuid()).pw_name
    with _folder(None) as folder:
        own = [
            f"--datadir={folder / 'data'}",
            f"--tmpdir={folder / 'run'}",
        ]  # in /tmp they would clear each other's
        where = ["--no-defaults", *own, f"--user={account}"]
        first = [
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--innodb-flush-log-at-trx-commit=0",
        ]
        _run(["mariadb-install-db", *where, *first], None, folder)
        given = {**_FAST_MARIADB, **(settings or {})}
        run = [
            f"--socket={folder}/run/mysqld.sock",
            f"--pid-file={folder}/run/mysqld.pid",
            "--skip-networking",
        ]
        program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin") or "mariadbd"
        options = [f"--{name}={value}" for name, value in given.items()]
        yield from _running(MariaDB(folder, [program, *where, *run, *options]))


def _running(server: _S) -> Iterator[_S]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    """A folder that the server's user owns, its path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="db-", dir="/tmp"))
    try:
        for owned in (folder, folder / "run"):
            owned.mkdir(exist_ok=True)
            owned.chmod(0o755)
            if user:
                shutil.chown(owned, user)
        yield folder
    finally:
        shutil.rmtree(folder)


def _run(command: list[str], user: str | None, folder: Path) -> None:
    done = subprocess.run(
        command, user=user, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
