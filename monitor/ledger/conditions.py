"""Conditions: one row per check, where it stands now. The only rows that are overwritten at every
attempt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.ledger.database import MOST_AT_ONCE, Many
from monitor.ledger.encoding import packed, unpacked
from monitor.ledger.table import Table

_KEEP_ONE = (
    "INSERT INTO conditions (check_name, body) VALUES (?, ?)"
    " ON CONFLICT (check_name) DO UPDATE SET body = excluded.body"
)
_KEPT = Many(
    (("check_name", "TEXT"), ("body", "TEXT")),
    "INSERT INTO conditions (check_name, body) SELECT check_name, body FROM these WHERE TRUE"
    " ON CONFLICT (check_name) DO UPDATE SET body = excluded.body RETURNING check_name",
)


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

    def condition_texts(self, checks: Sequence[str] | None = None) -> dict[str, str]:
        """Where these checks stand, or all, as it is kept: JSON; without those that were never
        looked at.
        """
        found = dict[str, str]()
        if checks is None:
            only, names = self._of_names("check_name")
            rows = self._database.rows(
                f"SELECT check_name, body FROM conditions WHERE TRUE{only}",  # noqa: S608 - constants
                names,
            )
            return {row["check_name"]: row["body"] for row in rows}
        for start in range(0, len(checks), MOST_AT_ONCE):
            some = checks[start : start + MOST_AT_ONCE]
            rows = self._database.rows(
                "SELECT check_name, body FROM conditions"  # noqa: S608 - marks
                f" WHERE check_name IN ({', '.join('?' for _ in some)})",
                some,
            )
            found |= {row["check_name"]: row["body"] for row in rows}
        return found

    def waiting_condition_texts(self) -> dict[str, str]:
        """Where those checks stand that are owed an extra look, as it is kept."""
        only, names = self._of_names("check_name")
        rows = self._database.rows(
            "SELECT check_name, body FROM conditions"  # noqa: S608 - constants
            f' WHERE instr(body, \'"next_look":"\') > 0{only}',
            names,
        )
        return {row["check_name"]: row["body"] for row in rows}


class ConditionWriting(Table):
    def keep_condition(self, check: str, body: Mapping[str, Any]) -> str:
        """Keep where a check stands, over what was there; gives it as it is kept."""
        text = packed(body)
        if self._database.DISTANT:
            self._database.gather(_KEPT, check, (check, text))
        else:
            self._database.change(_KEEP_ONE, (check, text))
        return text
