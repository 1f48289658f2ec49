"""Call records in a database: which columns there are, and the one question that is asked. Only for
the child process.

    SELECT "start"::text, "duration", ... FROM "cdr" WHERE ("start" >= $1 AND "start" < $2) OR ...
    OR "start" IS NULL

Rules: read-only, one pass, streamed; names come from the configuration and are quoted, values are
parameters; the bounds are plain comparisons with the column, so that an index on it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from checks.data.usage.columns import RowColumns
from checks.data.usage.record_formats import Format
from checks.data.usage.source_faults import SourceFault

# No zone puts its clocks farther than this at once. So much more is asked for than the windows, and
# what lies outside of them is left out later.
_SLACK = timedelta(hours=3)
# Clocks of switches stray by minutes; what is later than that is a wrong clock, and counted.
_FUTURE_SECONDS = 300


class Dialect(Protocol):
    """An open database."""

    name: str

    def columns(self, table: str) -> list[str]:
        """The columns of a table. Raises SourceFault."""
        ...

    def quoted(self, name: str) -> str:
        """A name as it may stand in a question."""
        ...

    def table(self, name: str) -> str:
        """A table as it may stand in a question. Raises SourceFault."""
        ...

    def hold(self, table: str, columns: Sequence[str]) -> None:
        """Raises SourceFault where a column is compared by what users of the database made."""
        ...

    def text(self, column: str) -> str:
        """A quoted column as text."""
        ...

    def mark(self) -> str:
        """What stands for a parameter."""
        ...

    def ask(self, question: str, values: Sequence[Any]) -> Iterator[list[Sequence[Any]]]:
        """The answer, some thousands of rows at a time. Raises SourceFault."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """The intervals of UTC seconds that are asked for, and now; `zone` is that of the records
    ("epoch": numbers).
    """

    windows: Sequence[tuple[int, int]]
    now: int
    zone: str


class TableRecords:
    """The records of one table."""

    def __init__(
        self, dialect: Dialect, form: Format, place: Mapping[str, Any], bounds: Bounds
    ) -> None:
        self._dialect, self._bounds = dialect, bounds
        self._table = str(place["table"] or form.table)
        chosen = self._chosen(form, place["columns"])
        self._columns = list(dict.fromkeys(chosen.values()))
        self._start = chosen["start"]
        self.positions: Mapping[str, int] = {
            term: self._columns.index(column) for term, column in chosen.items()
        }
        self._stamps = {chosen[term] for term in ("start", "answer", "end") if term in chosen}
        dialect.hold(self._table, sorted(self._stamps))

    def batches(self) -> Iterator[RowColumns]:
        """The records that begin within the bounds, that have no beginning, or that begin in the
        future.
        """
        for rows in self.rows():
            yield RowColumns(rows, self.positions)

    def rows(self) -> Iterator[list[Sequence[Any]]]:
        """The same as tuples."""
        question, values = self._question()
        return self._dialect.ask(question, values)

    def _chosen(self, form: Format, written: Mapping[str, str]) -> dict[str, str]:
        """Term -> column as the table spells it. What is written must be there, what the format
        knows may be.
        """
        there = {column.lower(): column for column in self._dialect.columns(self._table)}
        chosen = {}
        for term, column in {**form.columns, **written}.items():
            if column.lower() in there:
                chosen[term] = there[column.lower()]
            elif term in written or term not in form.optional:
                known = ", ".join(there.values())
                raise SourceFault(
                    "no-such-column",
                    f"{self._table} has no column {column} ({term}); it has {known}",
                )
        return chosen

    def _question(self) -> tuple[str, list[Any]]:
        start, mark = self._dialect.quoted(self._start), self._dialect.mark()
        selected = ", ".join(
            (
                self._dialect.text(self._dialect.quoted(column))
                if column in self._stamps and self._bounds.zone != "epoch"
                else self._dialect.quoted(column)
            )
            for column in self._columns
        )
        # The stamp's column stands alone on its side: a function around it would keep its index
        # from being used.
        where = [f"({start} >= {mark} AND {start} < {mark})" for _ in self._bounds.windows]
        where += [f"{start} >= {mark}", f"{start} IS NULL"]
        values = [value for window in self._bounds.windows for value in self._edges(*window)]
        values.append(self._edges(self._bounds.now + _FUTURE_SECONDS, self._bounds.now)[0])
        table = self._dialect.table(self._table)
        # names are quoted, and were checked when the configuration was read; values are parameters
        wanted = " OR ".join(where)
        question = f"SELECT {selected} FROM {table} WHERE {wanted}"  # noqa: S608 - above
        return question, values

    def _edges(self, begin: int, end: int) -> tuple[Any, Any]:
        """The interval as the column is written, a little wider than asked for."""
        if self._bounds.zone == "epoch":
            return begin, end
        walls = [datetime.fromtimestamp(at, ZoneInfo(self._bounds.zone)) for at in (begin, end)]
        low, high = walls[0] - _SLACK, walls[1] + _SLACK
        # SQLite compares texts: a date alone stands before every time of that day, whatever is
        # between date and time.
        if self._dialect.name == "sqlite":
            return f"{low:%Y-%m-%d}", f"{high + timedelta(days=1):%Y-%m-%d}"
        if self._dialect.name == "mariadb":
            return f"{low:%Y-%m-%d %H:%M:%S}", f"{high:%Y-%m-%d %H:%M:%S}"
        return low.isoformat(" "), high.isoformat(" ")
