"""Conditions: one row per check, where it stands now. The only rows that are overwritten at every
attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.ledger.encoding import packed, unpacked
from monitor.ledger.table import Table


class ConditionReading(Table):
    def conditions(self) -> dict[str, dict[str, Any]]:
        """Where every check stands: its name -> the body that was kept."""
        only, names = self._of_names("check_name")
        rows = self._database.rows(
            f"SELECT check_name, body FROM conditions WHERE TRUE{only}"  # noqa: S608 - constants
            " ORDER BY check_name",
            names,
        )
        return {row["check_name"]: unpacked(row["body"]) for row in rows}

    def condition(self, check: str) -> dict[str, Any] | None:
        """Where one check stands; None before its first attempt."""
        found = self._database.row("SELECT body FROM conditions WHERE check_name = ?", (check,))
        return unpacked(found["body"]) if found else None


class ConditionWriting(Table):
    def keep_condition(self, check: str, body: Mapping[str, Any]) -> None:
        """Keep where a check stands, over what was there."""
        self._database.change(
            "INSERT INTO conditions (check_name, body) VALUES (?, ?) "
            "ON CONFLICT (check_name) DO UPDATE SET body = excluded.body",
            (check, packed(body)),
        )
