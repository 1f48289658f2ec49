"""The engines that the ledger's contract holds for: one line each. What is true of one is true of
all, by the same tests.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from monitor.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Engine:
    """How a ledger is opened in a folder, as often as one likes, and what a broken constraint
    raises.
    """

    opened: Callable[[Path], Ledger]
    reading: Callable[[Path], Ledger]
    refused: type[Exception]


ENGINES = {
    "sqlite": Engine(
        opened=lambda folder: Ledger(folder / "ledger.sqlite"),
        reading=lambda folder: Ledger(folder / "ledger.sqlite", read_only=True),
        refused=sqlite3.IntegrityError,
    ),
}
