"""What the table groups share: each has a reading half (on the ledger) and a writing half (on a
transaction).
"""

from __future__ import annotations

from typing import Any

from monitor.ledger.database import Database


class Table:
    """One half of a table group, over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def memo(self) -> dict[str, Any]:
        """What readers keep of rows for as long as nobody else changes the ledger; see
        Database.memo.
        """
        return self._database.memo()
