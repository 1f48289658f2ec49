"""The engines that the ledger's contract holds for: one line each. What is true of one is true of
all, by the same tests.
"""

from __future__ import annotations

import atexit
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from monitor.ledger import Ledger
from monitor.ledger.server_address import Place, ServerAddress
from tests.loopback.databases import Postgres, postgres


@dataclass(frozen=True, slots=True)
class Engine:
    """Where a ledger lies that belongs to a folder, as often as one asks."""

    place: Callable[[Path], Place]

    def opened(self, folder: Path) -> Ledger:
        return Ledger(self.place(folder))

    def reading(self, folder: Path) -> Ledger:
        return Ledger(self.place(folder), read_only=True)


@cache
def server() -> Postgres:
    """One for all tests of this process: it takes a second to come up."""
    life = ExitStack()
    atexit.register(life.close)
    return life.enter_context(postgres())


def address(database: str) -> ServerAddress:
    """A database of that server, as its owner."""
    one = server()
    return ServerAddress(f"postgresql://{one.owner}@/{database}?host={one.sockets}&sslmode=disable")


def on_server(folder: Path) -> ServerAddress:
    """The folder's own database: its name stands in it."""
    name = folder / "database"
    if not name.exists():
        name.write_text(f"ledger_{secrets.token_hex(6)}")
        server().run(f'CREATE DATABASE "{name.read_text()}" TEMPLATE template0')
    return address(name.read_text())


def without_trigger(ledger: Ledger, trigger: str, table: str) -> str:
    """The statement that takes it away."""
    on = f" ON {table}" if isinstance(ledger.place, ServerAddress) else ""
    return f"DROP TRIGGER {trigger}{on}"


ENGINES = {
    "sqlite": Engine(lambda folder: folder / "ledger.sqlite"),
    "postgresql": Engine(on_server),
}
