"""Figures out of a downloaded report: a column of a CSV file, or a place in a JSON document."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from checks.contract import Failed
from checks.settings import Settings
from checks.web.expected import at_paths
from checks.web.json_path import JsonPath

Recorded = Literal[
    "offered_calls", "answered_calls", "abandoned_calls", "own_calls", "talk_minutes",
    "acd_seconds", "aht_seconds", "asa_seconds", "asr_percent", "ner_percent",
    "abandonment_percent", "service_level_percent", "peak_calls",
]  # fmt: skip
# Reports give durations as m:ss or h:mm:ss where the records have seconds or minutes.
_CLOCK = re.compile(r"(\d{1,9}):(\d\d)(?::(\d\d))?")
# A report of one day has a row for each agent or call; more is a file that never ends.
_MOST_ROWS = 100_000


class Figure(Settings):
    """One figure of a report, and what the call records say of it."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    """what it is called in a fault"""
    column: str | None = None
    """heading of its column in a CSV file; of several rows the sum counts"""
    rows: Mapping[str, str] = Field(default_factory=dict, examples=[{"Date": "{date}"}])
    """which rows count, by what stands in another column; without it all"""
    json_path: JsonPath | None = None
    """where it stands in a JSON document; of several values the sum counts"""
    decimal: Literal[".", ","] = "."
    """what stands before decimals in it; the other one, and blanks, part thousands"""
    records: Recorded
    """which figure of the call records it must be, as the kind usage measures it"""
    tolerance_percent: float = Field(default=1.0, ge=0, le=100)
    """how far it may be off, in percent of what the records say"""
    tolerance: float = Field(default=0.0, ge=0)
    """how far it may be off in any case, in its own unit"""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.column is None) == (self.json_path is None):
            raise ValueError(
                "a figure stands in a column (of CSV) or at a json_path; write one of them"
            )
        return self

    async def read(self, text: str, date: str) -> float:
        """Raises Failed where it is not there, or is no number; CannotTell."""
        if self.json_path is not None:
            found = (await at_paths(text, [self.json_path]))[0]
        else:
            # Row by row in Python: a thread lets the rest of the house go on meanwhile.
            found = await asyncio.to_thread(self._of_csv, text, date)
        if not found:
            place = self.json_path or f"column {self.column!r} of {date}"
            raise Failed("report-missing", f"the report has no {self.name}: nothing at {place}")
        return sum(self._number(one) for one in found)

    def agrees(self, told: float, recorded: float) -> bool:
        """Whether the report's figure is near enough to the records'."""
        return abs(told - recorded) <= max(
            self.tolerance, abs(recorded) * self.tolerance_percent / 100.0
        )

    def _of_csv(self, text: str, date: str) -> list[Any]:
        rows = _rows(text)
        wanted = {column: what.replace("{date}", date) for column, what in self.rows.items()}
        if rows and (unknown := [one for one in (str(self.column), *wanted) if one not in rows[0]]):
            headings = ", ".join(list(rows[0])[:20])
            raise Failed(
                "report-changed", f"the report has no column {unknown[0]!r}; it has {headings}"
            )
        return [
            row[str(self.column)]
            for row in rows
            if all(row[name] == what for name, what in wanted.items())
        ]

    def _number(self, found: Any) -> float:
        if isinstance(found, int | float) and not isinstance(found, bool):
            return float(found)
        # French and Swiss portals part thousands with a no-break space.
        written = str(found).strip().rstrip("%").replace("\N{NO-BREAK SPACE}", "").replace(" ", "")
        if match := _CLOCK.fullmatch(written):
            return self._of_clock(match)
        try:
            return float(
                written.replace(*((",", "") if self.decimal == "." else (".", ""))).replace(
                    ",", "."
                )
            )
        except ValueError:
            raise Failed(
                "report-changed", f"{self.name} is no number: {str(found)[:60]!r}"
            ) from None

    def _of_clock(self, match: re.Match[str]) -> float:
        """h:mm:ss, or m:ss; in the unit of what it is compared with."""
        parts = [int(part) for part in match.groups() if part is not None]
        seconds = sum(part * 60**power for power, part in enumerate(reversed(parts)))
        return seconds / 60 if self.records.endswith("_minutes") else float(seconds)


def _rows(text: str) -> list[dict[str, str]]:
    """The rows of a CSV file with a line of headings; the separator is the one that the headings
    have most of.
    """
    # Excel's "CSV UTF-8" begins with a byte order mark, which would become part of the first
    # heading.
    lines = text.lstrip("\ufeff").splitlines()
    headings = lines[0] if lines else ""
    # Where the comma stands before decimals Excel writes semicolons (RFC 4180 knows only the
    # comma).
    separator = max(",;\t|", key=headings.count)
    reader = csv.DictReader(io.StringIO("\n".join(lines)), delimiter=separator, restval="")
    found: list[dict[str, str]] = []
    try:
        for row in reader:
            found.append(
                {(name or "").strip(): str(value or "").strip() for name, value in row.items()}
            )
            if len(found) >= _MOST_ROWS:
                break
    except csv.Error as error:
        raise Failed("report-changed", f"the report is no CSV: {error}") from None
    return found
