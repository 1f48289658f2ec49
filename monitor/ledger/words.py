"""What several places said of one moment at which a check was owed, and where each place stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from monitor.ledger.encoding import milliseconds, moment
from monitor.ledger.table import Table


@dataclass(frozen=True, slots=True)
class WordRow:
    """One place's word: when it was said by the database's clock, and the attempt that it is."""

    place: str
    said_at: datetime
    attempt: int


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """Where a place stands with a check (monitor/core/place_trouble.py)."""

    place: str
    alone: int = 0
    silent: int = 0
    agreed: int = 0
    trouble: str = "none"


class WordReading(Table):
    def words(self, check: str, at: datetime) -> list[WordRow]:
        """What was said of a moment, by place."""
        rows = self._database.rows(
            "SELECT place, said_at, attempt FROM words WHERE check_name = ? AND moment = ?"
            " ORDER BY place",
            (check, milliseconds(at)),
        )
        return [WordRow(row["place"], moment(row["said_at"]), row["attempt"]) for row in rows]

    def places(self, check: str) -> dict[str, PlaceRow]:
        """Where the places of a check stand, by their names."""
        rows = self._database.rows(
            "SELECT place, alone, silent, agreed, trouble FROM places WHERE check_name = ?"
            " ORDER BY place",
            (check,),
        )
        return {row["place"]: PlaceRow(*row) for row in rows}


class WordWriting(Table):
    def say_word(self, check: str, at: datetime, place: str, attempt: int) -> None:
        """A place says its word of a moment; a second one of it is nothing. What was said by a
        clock of the database that has gone back since, and so is yet to come, was never said.
        """
        self._database.change(
            f"DELETE FROM words WHERE check_name = ? AND said_at > {self._database.NOW}",  # noqa: S608 - NOW
            (check,),
        )
        self._database.change(
            "INSERT INTO words (check_name, moment, place, said_at, attempt)"  # noqa: S608 - constants
            f" VALUES (?, ?, ?, {self._database.NOW}, ?) ON CONFLICT DO NOTHING",
            (check, milliseconds(at), place, attempt),
        )

    def forget_words(self, check: str, before: datetime) -> None:
        """What was judged long ago; the attempts themselves stay."""
        self._database.change(
            "DELETE FROM words WHERE check_name = ? AND moment < ?", (check, milliseconds(before))
        )

    def keep_places(self, check: str, places: Iterable[PlaceRow]) -> None:
        """Keep where places stand now."""
        self._database.change_all(
            "INSERT INTO places (check_name, place, alone, silent, agreed, trouble)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (check_name, place) DO UPDATE SET"
            " alone = excluded.alone, silent = excluded.silent, agreed = excluded.agreed,"
            " trouble = excluded.trouble",
            [(check, one.place, one.alone, one.silent, one.agreed, one.trouble) for one in places],
        )
