"""What of an archive a drill does not run: what only a superuser can make, and what hangs on it.

    event triggers, untrusted languages and extensions, functions in them, foreign data wrappers
    and what reaches other servers by them, publications and subscriptions

pg_restore itself says what an archive holds, with the text of each entry and what it depends on.
Where a table hangs on something of it there is no drill without that: the site names an extension
that it trusts (`extensions`), or the proof is not made here.

Rule: what users wrote (a function's body, a literal, a name) is passed over whole before a header
is looked for, and says nothing of what something is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from checks.data.backup.programs import run

_NEVER = frozenset(
    {"EVENT TRIGGER", "FOREIGN DATA WRAPPER", "SERVER", "USER MAPPING", "FOREIGN TABLE",
     "TRANSFORM", "PUBLICATION", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA",
     "SUBSCRIPTION", "SUBSCRIPTION TABLE"}
)  # fmt: skip
# Comments and rights name what they are of: "EXTENSION dblink".
_REMARKS = ("ACL", "COMMENT", "SECURITY LABEL")
_WITH_ROWS = ("TABLE", "SEQUENCE", "MATERIALIZED VIEW", "TYPE", "DOMAIN", "SCHEMA")
# The remark above each entry, as `pg_restore --verbose` writes it.
_HEADER = (
    r"^--\n-- (?:Data for )?TOC entry (?P<id>[0-9]+) \(class [0-9]+ OID [0-9]+\)\n"
    r"(?:-- Dependencies:(?P<needs>[ 0-9]*)\n)?"
    r"-- Name: (?P<said>[^\n]*)\n(?:-- [^\n]*\n)*--\n"
)
# What is quoted, as PostgreSQL reads it (manual, "Lexical Structure"). What does not end goes on to
# the end of all: else each such sign would be looked through once more.
_QUOTED = (
    r"""\b[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z)|'(?:[^']|'')*(?:'|\Z)|"(?:[^"]|"")*(?:"|\Z)"""
    r"|(?P<mark>\$(?:[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)?\$)(?:.*?(?P=mark)|.*)"
)
_WORDS = re.compile(f"(?P<header>{_HEADER})|^--[^\n]*\n|{_QUOTED}", re.MULTILINE | re.DOTALL)
_TEXTS = re.compile(_QUOTED, re.DOTALL)
# What an entry makes, by its own statement: a name in its header may look like a header's end.
_MADE = re.compile(
    r"\s*(?:CREATE|ALTER) (?:OR REPLACE |TRUSTED )*(EVENT TRIGGER|FOREIGN DATA WRAPPER|SERVER"
    r"|USER MAPPING|FOREIGN TABLE|TRANSFORM|PUBLICATION|SUBSCRIPTION|EXTENSION"
    r"|PROCEDURAL LANGUAGE|LANGUAGE) "
)
_LANGUAGE = re.compile(r"^    LANGUAGE (\"?[\w]+\"?)", re.MULTILINE)
_TRUSTED_LANGUAGES = frozenset({"sql", "plpgsql"})
_FUNCTIONS = ("FUNCTION", "PROCEDURE")
DESCRIBING = ("--verbose", "--file=-", "--section=pre-data", "--section=post-data")
"""words for pg_restore that have it say what an archive holds"""
# `3329; 0 16385 TABLE DATA public cdr app`: a line of pg_restore --list.
LISTED = re.compile(r"^(?P<id>\d+); \d+ (?P<table>\d+) (?P<rest>.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that an archive makes."""

    id: str
    kind: str
    name: str
    schema: str
    owner: str
    needs: frozenset[str]
    text: str

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.kind.lower()} {self.name}"


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive holds beside its rows, and what of it is withheld."""

    entries: tuple[Entry, ...]
    withheld: tuple[Entry, ...]

    @property
    def lacking(self) -> tuple[Entry, ...]:
        """What would have rows, and cannot be made without what is withheld."""
        return tuple(entry for entry in self.withheld if entry.kind in _WITH_ROWS)

    @property
    def causes(self) -> tuple[Entry, ...]:
        """What is withheld for itself, without what hangs on it."""
        return tuple(each for each in self.withheld if each.kind in ("EXTENSION", *_NEVER)) or (
            self.withheld
        )


def withheld_of(described: str, trusted: Collection[str]) -> Contents:
    """What the archive holds, by what pg_restore said of it (DESCRIBING); `trusted` are the
    extensions that may be made.
    """
    entries = _entries(described)
    gone = {entry.id for entry in entries if _is_withheld(entry, trusted)}
    # What depends on it, as often as something more is found.
    while more := {each.id for each in entries if each.needs & gone} - gone:
        gone |= more
    names = {f"{each.kind} {each.name}" for each in entries if each.id in gone}
    names |= {f"LANGUAGE {each.name}" for each in entries if each.id in gone}
    gone |= {each.id for each in entries if each.kind in _REMARKS and each.name in names}
    return Contents(entries, tuple(each for each in entries if each.id in gone))


def described(pg_restore: Path, archive: Path) -> str:
    """What an archive holds beside its rows, in pg_restore's words. Raises ToolFailed."""
    return run([pg_restore, *DESCRIBING, "--", archive]).decode("utf-8", "surrogateescape")


def _entries(said: str) -> tuple[Entry, ...]:
    headers = [found for found in _WORDS.finditer(said) if found["header"]]
    ends = [*(header.start() for header in headers[1:]), len(said)]
    return tuple(
        Entry(
            header["id"],
            *_named(header["said"]),
            frozenset((header["needs"] or "").split()),
            said[header.end() : end],
        )
        for header, end in zip(headers, ends, strict=False)
    )


def _named(said: str) -> tuple[str, str, str, str]:
    """Kind, name, schema and owner: `cdr; Type: TABLE; Schema: public; Owner: app`. From the end,
    since a name comes first.
    """
    rest, _, owner = said.rpartition("; Owner:")
    rest, _, schema = rest.rpartition("; Schema: ")
    name, _, kind = rest.rpartition("; Type: ")
    return kind, name, schema, owner.partition("; Tablespace: ")[0].removeprefix(" ")


def _is_withheld(entry: Entry, trusted: Collection[str]) -> bool:
    if entry.kind in _FUNCTIONS:
        # No line of what is quoted is a line of the statement.
        plain = _TEXTS.sub(lambda found: found[0].replace("\n", " "), entry.text)
        language = _LANGUAGE.search(plain)
        return language is not None and language[1] not in _TRUSTED_LANGUAGES | set(trusted)
    if not _MADE.match(entry.text):
        return False
    if entry.kind == "EXTENSION":
        return entry.name not in trusted
    if entry.kind in ("PROCEDURAL LANGUAGE", "LANGUAGE"):
        return entry.name not in _TRUSTED_LANGUAGES | set(trusted)
    return entry.kind in _NEVER
