"""Several hosts at practice: real daemons on one real PostgreSQL, each with a state folder, a name
and a way to the ledger of its own, which can be cut, slowed down and held.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lab.own_server import ROLE, OwnServer
from lab.server_link import Link
from monitor.config import Configuration, load
from monitor.demo.daemon import NotSeen, too_busy
from monitor.ledger import Ledger
from monitor.ledger.server_address import ServerAddress
from monitor.service.heartbeat import heartbeat

NAMES = ("pune-1", "delhi-1", "mumbai-1", "chennai-1", "jaipur-1")
_HEAD = """[probe]
name = "{name}"
location = "practice"
[ledger]
url = "postgresql://{role}@127.0.0.1:{port}/postgres?sslmode=disable"
password = {{ file = "ledger-password" }}
"""
_STARTS_WITHIN_SECONDS, _ENDS_WITHIN_SECONDS = 60.0, 12.0


class Host:
    """One of them."""

    def __init__(self, folder: Path, name: str, link: Link, written: str, password: str) -> None:
        """`written`: what its configuration says but for its own sections; its `state` too."""
        folder.mkdir(parents=True)
        self.name, self.link, self.file = name, link, folder / "reveille.toml"
        kept = folder / "ledger-password"
        kept.touch(0o600)
        kept.write_text(password + "\n", encoding="ascii")
        head = _HEAD.format(name=name, role=ROLE, port=link.port)
        self.file.write_text(f"{written}\n{head}", encoding="utf-8")
        self.configuration: Configuration = load(self.file)
        self.log = folder / "daemon.log"

    async def start(self) -> None:
        """Start its daemon, and wait until it is there. Raises NotSeen."""
        command = (sys.executable, "-P", "-m", "monitor.cli", "--config", str(self.file), "run")
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        until = time.monotonic() + _STARTS_WITHIN_SECONDS
        while not self._is_there():
            if self.process.returncode is not None or time.monotonic() > until:
                raise NotSeen(f"the daemon of {self.name}; {self.log} says why{too_busy()}")
            await asyncio.sleep(0.1)  # asked again until it is

    def send(self, number: signal.Signals) -> None:
        """Kill, freeze or thaw it."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def stop(self) -> None:
        """As systemd does it."""
        if self.process.returncode is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), _ENDS_WITHIN_SECONDS)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()

    def _is_there(self) -> bool:
        beat = heartbeat(self.configuration.state)
        return bool(beat and beat.running and beat.pid == self.process.pid)


class SeveralHosts:
    """`async with SeveralHosts(folder, names, written) as hosts`: all of them at work."""

    def __init__(
        self, folder: Path, names: Sequence[str], written: Callable[[str, Path], str]
    ) -> None:
        """`written(name, state)` gives the configuration of a host but for [probe] and [ledger]."""
        self._folder, self._names, self._written = folder, names, written
        self.all: dict[str, Host] = {}

    async def __aenter__(self) -> Self:
        """Raises NoServer, NotSeen."""
        self._life = AsyncExitStack()
        try:
            server = await self._life.enter_async_context(OwnServer())
            for name in self._names:
                link = await self._life.enter_async_context(Link(lambda: server.sockets))
                folder = self._folder / name
                said = self._written(name, folder / "state")
                self.all[name] = Host(folder, name, link, said, server.password)
            for host in self.all.values():
                await host.start()
                self._life.push_async_callback(host.stop)
            self.ledger = await asyncio.to_thread(_reading, server)
            self._life.callback(self.ledger.close)
        except BaseException:
            await self._life.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._life.aclose()

    async def until(self, what: str, seen: Callable[[Ledger], Any], within: float = 90.0) -> Any:
        """What is found in the ledger, as soon as it is there. Raises NotSeen."""
        end = time.monotonic() + within
        while not (found := await asyncio.to_thread(seen, self.ledger)):
            if time.monotonic() > end:
                raise NotSeen(f"{what} within {within:g} s{too_busy()}")
            await asyncio.sleep(0.2)  # asked again until it is there
        return found


def _reading(server: OwnServer) -> Ledger:
    url = f"postgresql://{ROLE}@/postgres?host={server.sockets}&sslmode=disable"
    return Ledger(ServerAddress(url, lambda: server.password), read_only=True)
