"""Acceptances: what checks propose, and what a person took for right. A proposal is overwritten by
the next attempt that makes one; an acceptance never is: the newest is in force, the older ones say
who accepted what, and when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.ledger.encoding import milliseconds, moment, plain
from monitor.ledger.table import Table

# A proposal is the newest sighting: what a person accepts is what is there now, not what was there
# last week.
_PROPOSE = """
    INSERT INTO proposals (check_name, name, value, seen_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (check_name, name) DO UPDATE SET value = excluded.value, seen_at = excluded.seen_at
"""
_ACCEPT = """
    INSERT INTO acceptances (check_name, name, value, seen_at, accepted_at, accepted_by)
    VALUES (?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """What the newest attempt that proposed something under `name` saw (plain JSON)."""

    check: str
    name: str
    value: Any
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class AcceptanceRow:
    """What was accepted, by whom."""

    check: str
    name: str
    value: Any
    seen_at: datetime
    accepted_at: datetime
    accepted_by: str


class AcceptanceReading(Table):
    def proposals(self, check: str) -> list[ProposalRow]:
        """What a check proposes."""
        rows = self._database.rows(
            "SELECT * FROM proposals WHERE check_name = ? ORDER BY name", (check,)
        )
        return [
            ProposalRow(check, row["name"], json.loads(row["value"]), moment(row["seen_at"]))
            for row in rows
        ]

    def accepted(self, check: str) -> dict[str, Any]:
        """What is in force of a check: name -> value."""
        rows = self._database.rows(
            # The newest acceptance by its row id, not by its time: a clock that was set back would
            # revive an older one.
            "SELECT name, value FROM acceptances WHERE id IN "
            "(SELECT max(id) FROM acceptances WHERE check_name = ? GROUP BY name)",
            (check,),
        )
        return {row["name"]: json.loads(row["value"]) for row in rows}

    def acceptances(self, check: str) -> list[AcceptanceRow]:
        """Everything that was ever accepted of a check, the oldest first."""
        rows = self._database.rows(
            "SELECT * FROM acceptances WHERE check_name = ? ORDER BY id", (check,)
        )
        return [
            AcceptanceRow(
                check=check,
                name=row["name"],
                value=json.loads(row["value"]),
                seen_at=moment(row["seen_at"]),
                accepted_at=moment(row["accepted_at"]),
                accepted_by=row["accepted_by"],
            )
            for row in rows
        ]


class AcceptanceWriting(Table):
    def propose(self, check: str, proposals: Mapping[str, Any], seen_at: datetime) -> None:
        """Keep what an attempt proposes; one that proposes nothing leaves the older proposals."""
        for name, value in proposals.items():
            self._database.change(_PROPOSE, (check, name, _written(value), milliseconds(seen_at)))

    def accept(self, proposal: ProposalRow, by: str, now: datetime) -> None:
        """From now on this is right."""
        kept = (
            proposal.check,
            proposal.name,
            _written(proposal.value),
            milliseconds(proposal.seen_at),
        )
        self._database.change(_ACCEPT, (*kept, milliseconds(now), plain(by)))


def _written(value: Any) -> str:
    # ASCII: a lone surrogate from a broken far end cannot be written as UTF-8, and would stop the
    # whole commit.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)
