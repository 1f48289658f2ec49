"""The events of a database with which mariadb-dump comes to no end, written by ourselves.

mariadb-dump looks for a delimiter that an event does not hold, and looks for `;;` for ever where
the event has two semicolons side by side (create_delimiter in mysqldump.c counts up the wrong
variable). Where there is such an event, all events are left out of its dump and stand in
events.sql, each under the settings that it was made under:

    DELIMITER $$
    SET character_set_client = utf8mb4, ... $$
    CREATE DEFINER=`u`@`h` EVENT `e` ON SCHEDULE ... DO ... $$
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from checks.data.backup.engines.mariadb.content import Connection, quoted, rows

EVENTS = "events.sql"
_ENDLESS = (
    "SELECT 1 FROM information_schema.events WHERE event_schema = DATABASE()"
    " AND INSTR(CONCAT_WS(' ', event_name, event_definition, event_comment), ';;') LIMIT 1"
)
_NAMES = (
    "SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE() ORDER BY 1"
)


class _Event(NamedTuple):
    settings: bytes
    text: bytes


def written(connection: Connection) -> bytes:
    """events.sql; empty where mariadb-dump can write the events itself. Raises pymysql.Error."""
    events = _read(connection)
    if not events:
        return b""
    mark = _delimiter([event.text for event in events])
    lines = [b"DELIMITER " + mark]
    for event in events:
        # On a line of its own, so that the end of a text and the delimiter are not one.
        lines += [event.settings, mark, event.text, mark]
    return b"\n".join([*lines, b"DELIMITER ;", b""])


def _read(connection: Connection) -> list[_Event]:
    if not rows(connection, _ENDLESS):
        return []
    names = [name for (name,) in rows(connection, _NAMES)]
    # In the bytes of the character set that it was made in, which is set again for it.
    connection.query("SET character_set_results = binary")
    try:
        return [_event(connection, name) for name in names]
    finally:
        connection.query("SET character_set_results = utf8mb4")


def _event(connection: Connection, name: str) -> _Event:
    # Event, sql_mode, time_zone, Create Event, character_set_client, collation_connection, ...
    [row] = rows(connection, f"SHOW CREATE EVENT {quoted(name)}")
    _, mode, zone, text, letters, collation = (_bytes(each) for each in row[:6])
    settings = (
        b"SET character_set_client = %s, collation_connection = %s, sql_mode = '%s',"
        b" time_zone = '%s'" % (letters, collation, mode, zone)
    )
    return _Event(settings, text)


def _bytes(said: str | bytes) -> bytes:
    return said if isinstance(said, bytes) else said.encode()


def _delimiter(texts: Sequence[bytes]) -> bytes:
    """So many dollar signs that none of the texts has them."""
    return next(mark for number in count(2) if not any((mark := b"$" * number) in t for t in texts))
