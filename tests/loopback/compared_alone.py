"""What a database, a file or a folder holds, read in a way of its own, and how two of them differ.

It is the judge of restores, so it imports nothing of `checks`: catalogues and rows are read by
other questions than the proof asks, and compared as plain values.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import stat
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import psycopg
import pymysql

from tests.loopback import catalogues

Held = Mapping[str, object]
"""what is there -> how it is"""
_MOST_TOLD = 4


def of_postgresql(address: str, roles: Iterable[str] = ()) -> Held:
    """A PostgreSQL database, and these roles of its server."""
    found: dict[str, object] = {}
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(catalogues.STEADY.encode())
        if connection.info.parameter_status("server_encoding") != "SQL_ASCII":
            connection.execute("SET client_encoding = 'UTF8'")
        for sort, question in catalogues.POSTGRES.items():
            for name, *rest in connection.execute(question.encode()).fetchall():
                found[f"{sort} {_text(name)}"] = repr(rest)
        for name, *rest in connection.execute(catalogues.ROLES, (list(roles),)).fetchall():
            found[f"role {_text(name)}"] = repr(rest)
        empty = {name for (name,) in connection.execute(catalogues.EMPTY).fetchall()}
        for sort, name in list(map(_kind_and_name, found)):
            kind = cast(str, found.get(f"relation {name}", "['']"))[2]
            if sort == "relation" and kind in "rmS" and name not in empty:
                found[f"rows of {name}"] = _copied(connection, name, kind)
    return found


def _kind_and_name(key: str) -> tuple[str, str]:
    sort, _, name = key.partition(" ")
    return sort, name


def _copied(connection: psycopg.Connection[Any], name: str, kind: str) -> tuple[int, str]:
    source = f"(SELECT last_value, is_called FROM {name})" if kind == "S" else name
    source = f"(SELECT * FROM {name})" if kind == "m" else source
    with connection.cursor().copy(f"COPY {source} TO STDOUT".encode()) as copied:
        return _rows(bytes(row) for row in copied)


def of_mariadb(login: Mapping[str, Any], users: Iterable[str] = ()) -> Held:
    """A MariaDB database, and these users of its server, by their names."""
    found: dict[str, object] = {}
    name = login["database"]
    with pymysql.connect(**login, use_unicode=True) as connection, connection.cursor() as cursor:

        def asked(question: str, *values: object) -> list[Any]:
            cursor.execute(question, values or None)
            return list(cursor.fetchall())

        for statement in ("SET NAMES utf8mb4", "SET time_zone = '+00:00'", "SET sql_mode = ''"):
            asked(statement)
        found["database"] = asked("SELECT @@character_set_database, @@collation_database")
        tables = asked(
            "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = %s",
            name,
        )
        for table, sort in tables:
            quoted = "`" + table.replace("`", "``") + "`"
            [shown] = asked(f"SHOW CREATE TABLE {quoted}")
            found[f"{sort} {table}"] = _countless(shown[1])
            if sort in ("BASE TABLE", "SYSTEM VERSIONED"):
                found[f"rows of {table}"] = _selected(asked, name, table, quoted, sort)
            if sort == "SEQUENCE":
                found[f"stands {table}"] = asked(f"SELECT next_not_cached_value FROM {quoted}")
        for sort in ("PROCEDURE", "FUNCTION", "PACKAGE", "PACKAGE BODY"):
            for (routine,) in asked(
                "SELECT routine_name FROM information_schema.routines"
                " WHERE routine_schema = %s AND routine_type = %s",
                name,
                sort,
            ):
                [shown] = asked(f"SHOW CREATE {sort} {_named(routine)}")
                found[f"{sort} {routine}"] = shown[1:]
        for (trigger,) in asked(
            "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = %s", name
        ):
            found[f"trigger {trigger}"] = asked(f"SHOW CREATE TRIGGER {_named(trigger)}")[0][1:6]
        for (event,) in asked(
            "SELECT event_name FROM information_schema.events WHERE event_schema = %s", name
        ):
            found[f"event {event}"] = asked(f"SHOW CREATE EVENT {_named(event)}")[0][1:4]
        for user in users:
            hosts = asked("SELECT host FROM mysql.user WHERE user = %s", user)
            found[f"user {user}"] = sorted(
                (host, [_in_order(each) for (each,) in asked("SHOW GRANTS FOR %s@%s", user, host)])
                for (host,) in hosts
            )
    return found


def _named(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _in_order(grant: str) -> str:
    """Columns that a right is given for come in any order."""
    return re.sub(
        r"\(([^)]*)\)", lambda found: f"({', '.join(sorted(found[1].split(', ')))})", grant
    )


def _countless(shown: str) -> str:
    """The counter goes on with whatever is tried and taken back."""
    before, mark, rest = shown.partition(" AUTO_INCREMENT=")
    return before + rest.lstrip("0123456789") if mark else shown


def _selected(asked: Any, schema: str, table: str, quoted: str, sort: str) -> tuple[int, str]:
    columns = asked(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
        schema,
        table,
    )
    values = []
    for column, kind in columns:
        name = "`" + column.replace("`", "``") + "`"
        # HEX of a number would round it.
        number = kind in ("float", "double", "decimal", "bigint", "int", "smallint", "tinyint")
        values.append(f"CAST({name} AS DOUBLE)" if kind == "float" else name if number else
                      f"HEX({name})")  # fmt: skip
    history = " FOR SYSTEM_TIME ALL" if sort == "SYSTEM VERSIONED" else ""
    rows = asked(f"SELECT {', '.join(values)} FROM {quoted}{history}")
    return _rows(repr(row).encode() for row in rows)


def of_sqlite(path: Path) -> Held:
    """A SQLite file."""
    found: dict[str, object] = {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        database.text_factory = bytes
        for word in ("user_version", "application_id", "page_size", "auto_vacuum", "encoding",
                     "journal_mode"):  # fmt: skip
            found[word] = database.execute(f"PRAGMA {word}").fetchone()
        rows = database.execute("SELECT type, name, tbl_name, sql, rootpage FROM sqlite_master")
        for sort, name, of, text, page in rows.fetchall():
            found[f"{_text(sort)} {_text(name)}"] = (of, text)
            if sort == b"table" and page:
                quoted = '"' + _text(name).replace('"', '""') + '"'
                for collation in _own(text or b""):
                    database.create_collation(collation, lambda a, b: (a > b) - (a < b))
                question = f"SELECT * FROM {quoted} NOT INDEXED"
                found[f"rows of {_text(name)}"] = _rows(
                    repr(row).encode() for row in database.execute(question)
                )
    return found


def _own(text: bytes) -> list[str]:
    words = text.decode(errors="replace").replace(",", " ").replace(")", " ").split()
    after = [words[at + 1] for at, word in enumerate(words[:-1]) if word.upper() == "COLLATE"]
    return [word for word in after if word.upper() not in ("NOCASE", "BINARY", "RTRIM")]


def of_folder(top: Path) -> Held:
    """A folder with everything in it; sockets, pipes and devices are none of a backup."""
    found: dict[str, object] = {".": _status(top)}
    same: dict[int, list[str]] = {}
    for folder, folders, files in os.walk(os.fsencode(top)):
        for name in (*folders, *files):
            path = Path(os.fsdecode(folder)) / os.fsdecode(name)
            status = path.lstat()
            relative = str(path.relative_to(top))
            if stat.S_ISLNK(status.st_mode):
                found[relative] = ("link", str(path.readlink()), *_status(path))
            elif stat.S_ISREG(status.st_mode):
                found[relative] = (*_status(path), _digest(path))
                if status.st_nlink > 1:
                    same.setdefault(status.st_ino, []).append(relative)
            elif stat.S_ISDIR(status.st_mode):
                found[relative] = _status(path)
    found.update((f"links of {min(names)}", sorted(names)) for names in same.values())
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _status(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    more = sorted(os.listxattr(path, follow_symlinks=False))
    said = [(name, os.getxattr(path, name, follow_symlinks=False)) for name in more]
    return status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, said


def differences(live: Held, back: Held, unlike: tuple[str, ...] = ()) -> list[str]:
    """In words, the first few; nothing where all is the same but for what may be `unlike`:
    beginnings of what is compared.
    """
    told = [f"{name} is gone" for name in live if name not in back]
    told += [f"{name} is new" for name in back if name not in live]
    told += [
        f"{name} became {str(back[name])[:160]}, was {str(live[name])[:160]}"
        for name in live
        if name in back and back[name] != live[name]
    ]
    told = [each for each in told if not each.startswith(unlike or "\0")]
    more = [f"and {len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
    return told[:_MOST_TOLD] + more


def _rows(rows: Iterable[bytes]) -> tuple[int, str]:
    """How many, and one hash of them in whatever order."""
    ordered = sorted(rows)
    return len(ordered), hashlib.sha256(b"\0".join(ordered)).hexdigest()


def _text(name: object) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
