"""A PostgreSQL of the lab's own, out of the programs that the host has: in a folder, on a Unix
socket and nowhere else. PostgreSQL refuses root: for root it runs as `postgres`.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

# Debian's place for them; elsewhere they are on the PATH.
_PROGRAMS = Path("/usr/lib/postgresql")
_ANSWERS_WITHIN_SECONDS, _ASKED_AGAIN_SECONDS, _ENDS_WITHIN_SECONDS = 60.0, 0.2, 20.0
ROLE = "reveille"


class NoServer(Exception):
    """There is no PostgreSQL that could be started; the text says why."""


class OwnServer:
    """`async with OwnServer() as server`: a database with one role, which has a password."""

    def __init__(self) -> None:
        self.password = secrets.token_hex(12)
        # A socket's path is short (sun_path of unix(7): 108 bytes), and a lab's folder may not be.
        self.folder = Path(tempfile.mkdtemp(prefix="rv-pg-", dir="/tmp"))

    @property
    def sockets(self) -> Path:
        """The folder of its socket."""
        return self.folder / "run"

    async def __aenter__(self) -> Self:
        """Raises NoServer."""
        try:
            await asyncio.to_thread(self._start)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._stop)

    def _start(self) -> None:
        user = _user()
        for owned in (self.folder, self.sockets):
            owned.mkdir(exist_ok=True)
            owned.chmod(0o755)
            if user:
                shutil.chown(owned, user)
        data = self.folder / "data"
        begin = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]
        self._ran([program("initdb"), *begin, "--no-sync", f"--pgdata={data}"], user)
        (data / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        settings = {"listen_addresses": "", "unix_socket_directories": self.sockets, "fsync": "off"}
        given = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [program("postgres"), "-D", str(data), *given], user=user, cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._ran([program("pg_isready"), "-h", str(self.sockets), "-q"], None, patient=True)
        for sql in (
            f"CREATE ROLE {ROLE} LOGIN PASSWORD '{self.password}'",
            f"CREATE SCHEMA AUTHORIZATION {ROLE}",
        ):
            # On standard input: a word of a command stands in `ps`.
            self._ran([program("psql"), "-q", "-h", str(self.sockets), "-U", "postgres"], None, sql)

    def _stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_ENDS_WITHIN_SECONDS)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ran(
        self, command: Sequence[str], user: str | None, said: str = "", patient: bool = False
    ) -> None:
        until = time.monotonic() + (_ANSWERS_WITHIN_SECONDS if patient else 0)
        while True:
            done = subprocess.run(
                command, user=user, cwd=self.folder, input=said, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            if not done.returncode:
                return
            if time.monotonic() >= until:
                break
            time.sleep(_ASKED_AGAIN_SECONDS)
        raise NoServer(f"{Path(command[0]).name}: {(done.stderr or done.stdout).strip()[-500:]}")


def program(name: str) -> str:
    """One of PostgreSQL's programs, the newest there is. Raises NoServer."""
    found = sorted(
        _PROGRAMS.glob(f"*/bin/{name}"), key=lambda one: float(one.parent.parent.name), reverse=True
    )
    path = str(found[0]) if found else shutil.which(name)
    if path is None:
        raise NoServer(f"there is no {name} of PostgreSQL on this host: apt install postgresql")
    return path


def _user() -> str | None:
    if os.geteuid():
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise NoServer("PostgreSQL does not run as root, and there is no user postgres") from None
