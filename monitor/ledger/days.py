"""Days whose looks lie in tables of their own, where the engine has such: what is too old goes by
dropping a table (migrations/postgresql/0011_days.sql). In a file there are none, and nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterable

from monitor.ledger.rollups import AROUND
from monitor.ledger.table import Table


class DayTables(Table):
    """Asked of a ledger, outside a transaction; each is a change by itself."""

    def own_days(self) -> list[int]:
        """The days that have one, the oldest first."""
        if not self._database.DAYS:
            return []
        return [int(row["day"]) for row in self._database.rows(self._database.DAYS)]

    def make_days(self, days: Iterable[int]) -> None:
        """Make those of days to come. Raises LedgerFault ("held") where somebody is in the way for
        more than a moment.
        """
        known = self.own_days()
        if not self._database.DAYS:
            return
        for day in days:
            if day not in known:
                self._database.change_alone("SELECT make_day(CAST(? AS BIGINT))", (day,))

    def drop_day(self, day: int) -> None:
        """Let the looks of a day go that is rolled up, but for those that stay for ever. Raises
        LedgerFault ("held"), ConstraintBroken.
        """
        ask = self._database.change_alone
        ask("SELECT keep_of_day(CAST(? AS BIGINT), CAST(? AS BIGINT))", (day, AROUND))
        ask("SELECT drop_day(CAST(? AS BIGINT))", (day,))
