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

import pytest

from monitor.ledger import Ledger
from monitor.ledger.server_address import Place, ServerAddress
from tests.loopback.databases import Postgres, postgres

# The server is started once, and not once for each worker.
ON_SERVER = pytest.mark.xdist_group("ledgers on a server")


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


def on_server(folder: Path) -> ServerAddress:
    """The folder's own role with a schema of its own: a ledger is made where its role makes
    tables.
    """
    name = folder / "role"
    if not name.exists():
        name.write_text(role := f"ledger_{secrets.token_hex(6)}")
        server().run(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
        server().run(f"CREATE SCHEMA AUTHORIZATION {role}")
    role = name.read_text()
    url = f"postgresql://{role}@/postgres?host={server().sockets}&sslmode=disable"
    return ServerAddress(url, lambda: role)


def without_trigger(ledger: Ledger, trigger: str, table: str) -> str:
    """The statement that takes it away."""
    on = f" ON {table}" if isinstance(ledger.place, ServerAddress) else ""
    return f"DROP TRIGGER {trigger}{on}"


ENGINES = {
    "sqlite": Engine(lambda folder: folder / "ledger.sqlite"),
    "postgresql": Engine(on_server),
}
