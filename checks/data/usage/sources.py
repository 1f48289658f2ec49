"""Where call records are, as written in the configuration: a file or a database, and what its
columns mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, model_validator

from checks.data.usage.record_formats import FORMATS, TERMS
from checks.settings import LocalPath, ReadableFile, Secret, Settings, nearest, shown
from checks.target import of_host
from checks.transport.clear_text import MEANT, ClearText, is_here

# As PostgreSQL and MariaDB take a name without quotes, with its schema in front: it is quoted all
# the same.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}(\.[A-Za-z_][A-Za-z0-9_$]{0,62})?")
_KEYWORDS = ("site", "utc", "epoch")


def _name(written: str) -> str:
    if not _NAME.fullmatch(written):
        raise ValueError(
            f"{shown(written)} is no name of a table or column; letters, digits and _, as in 'cdr'"
        )
    return written


def times_of(written: str) -> str:
    """What wall times are of. Raises ValueError."""
    if written in _KEYWORDS:
        return written
    try:
        ZoneInfo(written)
    # ZoneInfo of a folder's name, as "Europe", is an OSError.
    except (KeyError, ValueError, OSError):
        known = [*_KEYWORDS, *available_timezones()]
        hint = nearest(written, known) or "; write 'site', 'utc', 'epoch' or an IANA name"
        raise ValueError(f"records are not written in {shown(written)}{hint}") from None
    return written


Name = Annotated[str, AfterValidator(_name)]
"""Of a table, with its schema or without, or of a column."""
FilePattern = LocalPath
"""A file, or several by `*`; a relative path counts from the configuration's own folder."""


class Server(ClearText):
    """A database server, and who asks it. Give the account nothing but SELECT."""

    host: str = "127.0.0.1"
    """host name, or the path of its unix socket (MariaDB) or of the socket's folder (PostgreSQL)"""
    port: int | None = Field(default=None, ge=1, le=65535, examples=[5432])
    """TCP port, or the number in the name of PostgreSQL's socket; without it the usual one"""
    database: str
    """the database"""
    user: str
    """the account"""
    password: Secret | None = None
    """its password; without it none is sent"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities that the server's certificate is checked against; without it
    nothing is checked
    """

    def clear_text(self) -> str | None:
        """The password, to another host that has not shown its certificate."""
        if self.password is None or self.trusted_certificates or is_here(self.host):
            return None
        # libpq's sslmode=prefer and PyMySQL talk in the clear, or to anybody, where nothing is
        # checked (PostgreSQL, 34.19.4).
        return (
            "its password goes to a server that has not proven itself, or in the clear; write"
            f' trusted_certificates = "/path/ca.pem", {MEANT}'
        )

    def named(self) -> str:
        """The database and its host."""
        return f"{self.database} at {of_host(self.host, self.port)}"

    def plain(self) -> dict[str, Any]:
        """For the child process, the password revealed. Raises LookupError."""
        trusted = self.trusted_certificates
        return {
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "user": self.user,
            "password": None if self.password is None else self.password.reveal(),
            "trusted": None if trusted is None else str(trusted),
        }


def place_of(path: object, server: Server | None) -> str:
    """A file, or the database of a server, in one line."""
    return server.named() if server else str(path)


class Place(Settings):
    """Where records lie: exactly one of file, sqlite, postgresql and mariadb."""

    file: FilePattern | None = None
    """text file with a record in each line; `Master.csv*` reads the rotated ones too, also .gz"""
    sqlite: FilePattern | None = None
    """SQLite file"""
    postgresql: Server | None = None
    """PostgreSQL server"""
    mariadb: Server | None = None
    """MariaDB or MySQL server"""
    table: Name | None = None
    """its table or view; without it the usual one of the format"""
    times: Annotated[str, AfterValidator(times_of)] = Field(default="site", examples=["utc"])
    """what its wall times are: "site", "utc", "epoch" (seconds since 1970) or an IANA zone"""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (
            sum(
                place is not None
                for place in (self.file, self.sqlite, self.postgresql, self.mariadb)
            )
            != 1
        ):
            raise ValueError(
                "name one place where the records are: file, sqlite, postgresql or mariadb"
            )
        if self.file is not None and self.table is not None:
            raise ValueError("a file has no table; leave it out, or name a database")
        return self

    def named(self) -> str:
        """The file, or the database and its host."""
        return place_of(self.file or self.sqlite, self.postgresql or self.mariadb)

    def plain(self) -> dict[str, Any]:
        """For the child process, passwords revealed. Raises LookupError."""
        server = self.postgresql or self.mariadb
        path = self.file or self.sqlite
        which = next(
            kind
            for kind in ("file", "sqlite", "postgresql", "mariadb")
            if getattr(self, kind) is not None
        )
        return {
            "kind": which,
            "path": None if path is None else str(path),
            "server": None if server is None else server.plain(),
            "table": self.table,
            "times": self.times,
        }


class Records(Place):
    """Call records."""

    format: Literal["asterisk", "freeswitch", "kamailio", "own"] = "asterisk"
    """whose records they are; "own" for any other, with every column named"""
    columns: Mapping[str, Name] = Field(
        default_factory=dict, examples=[{"start": "calldate", "did": "did"}]
    )
    """what a column is called where it is not the format's own name, by what it says"""
    fields: tuple[str, ...] = ()
    """what the fields of each line of a file say, in order, "" for those that do not matter;
    without it the format's
    """

    @model_validator(mode="after")
    def _mapped(self) -> Self:
        for term in (*self.columns, *filter(None, self.fields)):
            if term not in TERMS:
                raise ValueError(
                    "no column says"
                    f" {shown(term)}{nearest(term, TERMS) or '; one of ' + ', '.join(TERMS)}"
                )
        known = (
            {*FORMATS[self.format].columns, *self.columns}
            if self.file is None
            else set(self.in_order())
        )
        # Without a beginning and a length there is no call; a proxy's accounting has BYEs instead
        # of lengths.
        if missing := [
            term for term in ("start", "length") if term not in known and self.format != "kamailio"
        ]:
            raise ValueError(f"it must be said which column is the {missing[0]} of a call")
        if self.file is None and self.table is None and not FORMATS[self.format].table:
            raise ValueError('the table is missing; write table = "..."')
        if self.file is not None and self.columns:
            raise ValueError(
                "the columns of a file have no names; write fields = [...] in their order"
            )
        if self.file is None and self.fields:
            raise ValueError("the columns of a database have names; write columns = {...}")
        return self

    def in_order(self) -> tuple[str, ...]:
        """The terms of a line's fields."""
        return self.fields or FORMATS[self.format].fields

    def plain(self) -> dict[str, Any]:
        """For the child process."""
        return {
            **super().plain(),
            "format": self.format,
            "columns": dict(self.columns),
            "fields": list(self.in_order()),
        }


class QueueLog(Place):
    """Asterisk's queue_log: the file, or its realtime table."""

    times: Annotated[str, AfterValidator(times_of)] = Field(default="epoch", examples=["site"])
    """what `time` is in a table: "epoch" (seconds since 1970), "site", "utc" or an IANA zone"""
    wrap_reasons: tuple[str, ...] = ("wrap",)
    """pauses whose reason has one of these words in it are wrap-up time"""
