"""How MariaDB's own programs are called: where they go, how they log in, what they leave out."""

from __future__ import annotations

import re
from pathlib import Path

from checks.data.backup.job import Source
from checks.data.backup.programs import found, needed, run

# Remarks hold date and host: two dumps of the same rows would differ.
PLAIN = ("--skip-comments", "--skip-dump-date")
# By default mariadb-dump leaves routines and events out, and a restored application would miss
# them.
MORE = (
    *PLAIN,
    "--routines",
    "--triggers",
    "--tz-utc",
    "--default-character-set=utf8mb4",
)
EVENTS_TOO = "--events"

# The client puts a blank behind the end of a comment where none is, or where another comment
# begins into that one (need_space in client/mysql.cc): the bodies of routines come back so. It
# leaves alone what is in quotes or behind -- or #; /*! and /*M! begin no comment, though they end
# like one.
_COMMENTS = re.compile(
    rb"""('(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`|(?:--(?=\s)|\#)[^\n]*)"""
    rb"""|/\*(?!M?!)[ ]?(.*?)(?:\*/[ ]?|\Z)|\*/[ ]?""",
    re.DOTALL,
)


def as_sent(plain: bytes) -> bytes:
    """A schema without the blanks that the client may put beside comments."""
    return _COMMENTS.sub(_without_blank, plain)


def _without_blank(found: re.Match[bytes]) -> bytes:
    if (kept := found[1]) is not None:
        return kept
    return b"*/" if found[2] is None else b"/*" + found[2] + b"*/"


def schema(program: Path, source: Source, events: bytes = b"") -> bytes:
    """Everything but the rows, without what differs from run to run; `events` are those that the
    program cannot write.
    """
    command: list[str | Path] = [
        program,
        *address(source),
        "--no-data",
        "--single-transaction",
        *MORE,
        *([] if events else [EVENTS_TOO]),
        "--",
        source.database,
    ]
    plain = run(command, environment(source)) + events
    # The counter goes on in the live database while the dump runs: it is no difference.
    return re.sub(rb" AUTO_INCREMENT=\d+", b"", plain)


def without_own_name(plain: bytes, database: str) -> bytes:
    """A schema in which nothing is called by its database's name too: whether the server writes
    that into a view hangs on the rights of who defined it, and on what the database is called.
    """
    return plain.replace(b"`" + database.replace("`", "``").encode() + b"`.", b"")


def without_names(plain: bytes, *names: str) -> list[bytes]:
    """A schema as it is, and without each of these names of databases more."""
    texts = [plain]
    for name in names:
        texts.append(without_own_name(texts[-1], name))
    return texts


def address(source: Source) -> list[str]:
    """Where the tools go."""
    where = (
        [f"--socket={source.host}"]
        if source.host.startswith("/")
        else [f"--host={source.host or 'localhost'}"]
    )
    port = [f"--port={source.port}"] if source.port else []
    # --no-defaults has to stand first: a my.cnf of the host would change what is dumped.
    return ["--no-defaults", *where, *port, *([f"--user={source.user}"] if source.user else [])]


def environment(source: Source) -> dict[str, str]:
    """The password, in the tools' environment."""
    # `ps` shows arguments to everybody, and the environment to the owner of the process alone.
    return {"MYSQL_PWD": source.password} if source.password else {}


def dump_program(tools: Path | None) -> Path:
    """mariadb-dump, or mysqldump where that is what there is. Raises Failed."""
    return found("mariadb-dump", tools) or needed("mysqldump", tools)
