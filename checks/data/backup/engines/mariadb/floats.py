"""FLOATs, whole. mariadb-dump writes six digits of each; what those do not tell stands beside its
dump in floats.sql, an UPDATE for each such row, which is found by its primary key.

Not of a table without such a key, without transactions, with history or with a trigger on UPDATE:
what else an UPDATE would change there is not known. Those are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pymysql.cursors import SSCursor

from checks.data.backup.engines.mariadb.content import Connection, quoted, rows

FLOATS = "floats.sql"
Column = tuple[str, str, list[str]]
"""table, column, the columns of its primary key"""
_COLUMNS = (
    "SELECT c.table_name, c.column_name FROM information_schema.columns c"
    " JOIN information_schema.tables t USING (table_schema, table_name)"
    " WHERE c.table_schema = DATABASE() AND c.data_type = 'float' AND t.table_type = 'BASE TABLE'"
    " AND t.engine = 'InnoDB' AND c.extra NOT LIKE '%%GENERATED%%' AND NOT EXISTS"
    " (SELECT 1 FROM information_schema.triggers r WHERE r.trigger_schema = DATABASE()"
    " AND r.event_object_table = c.table_name AND r.event_manipulation = 'UPDATE') ORDER BY 1, 2"
)
_KEY = (
    "SELECT k.column_name, c.data_type FROM information_schema.key_column_usage k"
    " JOIN information_schema.columns c USING (table_schema, table_name, column_name)"
    " WHERE k.table_schema = DATABASE() AND k.table_name = %s AND k.constraint_name = 'PRIMARY'"
    " ORDER BY k.ordinal_position"
)
# A moment that the server sets at each UPDATE stays what it was.
_OWN_MOMENTS = (
    "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND"
    " table_name = %s AND extra LIKE 'on update%%'"
)
_SURE = frozenset(
    {"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "char", "varchar", "binary",
     "varbinary", "date", "datetime", "timestamp"}
)  # fmt: skip
_SETTLED = (
    b"SET NAMES utf8mb4; SET time_zone = '+00:00'; SET foreign_key_checks = 0;"
    b" SET sql_mode = 'NO_ENGINE_SUBSTITUTION';\n"
)
_AT_ONCE = 1000


def whole(connection: Connection) -> list[Column]:
    """The columns whose values can be written whole."""
    found = []
    for table, column in rows(connection, _COLUMNS):
        key = rows(connection, _KEY, (table,))
        if key and all(kind in _SURE for _, kind in key):
            found.append((table, column, [name for name, _ in key]))
    return found


def sums(connection: Connection, columns: Sequence[Column]) -> dict[str, list[str]]:
    """How many values a column has, and a sum over them, each to its last bit."""
    found = {}
    for table, column, key in columns:
        each = ", ".join(quoted(name) for name in key)
        # A double tells a FLOAT whole, and its text a double.
        summed = f"SUM(CRC32(CONCAT_WS('|', {each}, CAST({quoted(column)} AS DOUBLE))))"
        question = f"SELECT COUNT({quoted(column)}), {summed} FROM {quoted(table)}"  # noqa: S608 - names are quoted
        [(count, total)] = rows(connection, question)
        found[f"{table}.{column}"] = [str(count), str(total)]
    return found


def differing(was: Mapping[str, Sequence[str]], now: Mapping[str, Sequence[str]]) -> list[str]:
    """What did not come back to the last bit, in words."""
    return [f"FLOATs of {name} came back otherwise" for name in was if now.get(name) != was[name]]


class Statements:
    """floats.sql, made while it is read, in the snapshot of its connection."""

    def __init__(self, connection: Connection, columns: Sequence[Column]) -> None:
        self._made, self._left = _statements(connection, columns), b""
        self.empty = not self._more()

    def read(self, size: int = -1) -> bytes:
        """The next bytes; empty at the end."""
        if not self._left:
            self._more()
        data = self._left if size < 0 else self._left[:size]
        self._left = self._left[len(data) :]
        return data

    def _more(self) -> bool:
        piece = next(self._made, b"")
        self._left = piece
        return bool(piece)


def _statements(connection: Connection, columns: Sequence[Column]) -> Iterator[bytes]:
    begun = False
    for table, column, key in columns:
        kept = [name for (name,) in rows(connection, _OWN_MOMENTS, (table,))]
        also = "".join(f", {quoted(name)} = {quoted(name)}" for name in kept)
        names, value = [quoted(name) for name in key], quoted(column)
        question = (
            f"SELECT CAST({value} AS DOUBLE), {', '.join(names)} FROM {quoted(table)}"  # noqa: S608 - names are quoted
            f" WHERE {value} <> CAST(CONCAT({value}, '') AS FLOAT)"
        )
        with connection.cursor(SSCursor) as cursor:
            cursor.execute(question)
            while some := cursor.fetchmany(_AT_ONCE):
                changes = [] if begun else [_SETTLED]
                for exact, *place in some:
                    where = " AND ".join(
                        f"{name} = {connection.escape(one)}"
                        for name, one in zip(names, place, strict=True)
                    )
                    change = f"UPDATE {quoted(table)} SET {value} = {exact!r}{also}"  # noqa: S608 - names are quoted
                    changes.append(f"{change} WHERE {where};\n".encode("utf-8", "surrogateescape"))
                # So many at once: to add each to what is read would copy all of it each time.
                yield b"".join(changes)
                begun = True
