"""What the table groups share: each has a reading half (on the ledger) and a writing half (on a
transaction).
"""

from __future__ import annotations

from typing import Any

from monitor.ledger.database import Database


class Table:
    """One half of a table group, over a database; of all sites, or of one (monitor/ledger/
    of_site.py).
    """

    def __init__(self, database: Database, scope: str = "") -> None:
        """`scope` is the name of the one site that is seen; "" for all there is."""
        self._database, self._scope = database, scope

    def memo(self) -> dict[str, Any]:
        """What readers keep of rows for as long as nobody else changes the ledger; see
        Database.memo.
        """
        memo = self._database.memo()
        found: dict[str, Any] = memo.setdefault(f"site {self._scope}", {}) if self._scope else memo
        return found

    def lasting(self) -> dict[str, Any]:
        """What readers keep of rows that is true whatever others change; see Database.lasting."""
        return self._database.lasting

    @property
    def distant(self) -> bool:
        """Whether each question is a way to a server and back; see Database.DISTANT."""
        return self._database.DISTANT

    def _of_site(self) -> tuple[str, tuple[str, ...]]:
        """A condition for incidents, with what is bound in it."""
        return (" AND site = ?", (self._scope,)) if self._scope else ("", ())

    def _of_names(self, column: str) -> tuple[str, tuple[str, ...]]:
        """A condition for a column of names, which begin with their site's: `Pune/…`. The sign
        after the slash is the zero.
        """
        if not self._scope:
            return "", ()
        return f" AND {column} >= ? AND {column} < ?", (f"{self._scope}/", f"{self._scope}0")

    def _kind(self, kind: str) -> str:
        """A kind of happening of the monitor itself, as it is kept: with its site."""
        return f"{self._scope}/{kind}" if self._scope else kind
