"""What of an archive a drill does not run: what only a superuser can make, and what hangs on it.

    event triggers, untrusted languages and extensions, functions in them, foreign data wrappers
    and what reaches other servers by them, publications and subscriptions

pg_restore itself says what an archive holds, with the text of each entry and what it depends on.
Where a table hangs on something of it there is no drill without that: the site names an extension
that it trusts (`extensions`), or the proof is not made here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from checks.contract import Failed
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
_HEADER = re.compile(
    r"^--\n-- (?:Data for )?TOC entry (?P<id>\d+) \(class \d+ OID \d+\)\n"
    r"(?:-- Dependencies:(?P<needs>[ \d]*)\n)?"
    r"-- Name: (?P<name>[^\n]*); Type: (?P<kind>[A-Z ]+); Schema: (?P<schema>[^\n]*);"
    r" Owner: ?(?P<owner>[^\n;]*)(?:; Tablespace: [^\n]*)?\n(?:-- [^\n]*\n)*--\n",
    re.MULTILINE,
)
_LANGUAGE = re.compile(r"^    LANGUAGE (\"?[\w]+\"?)", re.MULTILINE)
_TRUSTED_LANGUAGES = frozenset({"sql", "plpgsql"})
_FUNCTIONS = ("FUNCTION", "PROCEDURE")
# `3329; 0 16385 TABLE DATA public cdr app`: a line of pg_restore --list.
_LISTED = re.compile(r"^(?P<id>\d+); \d+ \d+ (?P<rest>.*)$", re.MULTILINE)


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

    def owner_of(self, rest: str) -> str:
        """Whose table a line of the list with this end is; "" where that is not known."""
        for entry in self.entries:
            if entry.kind in ("TABLE", "SEQUENCE", "MATERIALIZED VIEW") and rest == (
                f"{entry.schema} {entry.name} {entry.owner}"
            ):
                return entry.owner
        return ""


def contents(pg_restore: Path, archive: Path, trusted: Collection[str]) -> Contents:
    """What the archive holds; `trusted` are the extensions that may be made. Raises ToolFailed."""
    entries = everything(pg_restore, archive).entries
    gone = {entry.id for entry in entries if _is_withheld(entry, trusted)}
    # What depends on it, as often as something more is found.
    while more := {each.id for each in entries if each.needs & gone} - gone:
        gone |= more
    names = {f"{each.kind} {each.name}" for each in entries if each.id in gone}
    names |= {f"LANGUAGE {each.name}" for each in entries if each.id in gone}
    gone |= {each.id for each in entries if each.kind in _REMARKS and each.name in names}
    return Contents(entries, tuple(each for each in entries if each.id in gone))


def everything(pg_restore: Path, archive: Path) -> Contents:
    """What the archive holds, with nothing withheld: for an administrator's own restore. Raises
    ToolFailed.
    """
    return Contents(
        _entries(run(_command(pg_restore, archive)).decode(errors="surrogateescape")), ()
    )


def listed(pg_restore: Path, archive: Path, gone: Collection[str]) -> tuple[str, ...]:
    """The lines of the archive's list without those of these entries. Raises ToolFailed."""
    lines = run([pg_restore, "--list", "--", archive]).decode(errors="surrogateescape")
    return tuple(line[0] for line in _LISTED.finditer(lines) if line["id"] not in gone)


def data_by_owner(pg_restore: Path, archive: Path, held: Contents) -> Mapping[str, tuple[str, ...]]:
    """The lines of the archive's rows, by whose tables they go into; "" for large objects. Raises
    ToolFailed, and Failed for a line whose owner is not known.
    """
    lines = run([pg_restore, "--list", "--section=data", "--", archive])
    gone = {entry.id for entry in held.withheld}
    found: dict[str, list[str]] = {}
    for line in _LISTED.finditer(lines.decode(errors="surrogateescape")):
        kind = next((k for k in ("TABLE DATA ", "SEQUENCE SET ") if line["rest"].startswith(k)), "")
        if line["id"] in gone:
            continue
        owner = held.owner_of(line["rest"].removeprefix(kind)) if kind else ""
        # Large objects alone have nobody's functions in them.
        if not owner and not line["rest"].startswith("BLOB"):
            raise Failed("restore-failed", f"whose rows are these: {line['rest'][:100]}")
        found.setdefault(owner, []).append(line[0])
    return {owner: tuple(lines) for owner, lines in found.items()}


def _command(pg_restore: Path, archive: Path) -> list[str | Path]:
    sections = ["--section=pre-data", "--section=post-data"]
    return [pg_restore, "--verbose", "--file=-", *sections, "--", archive]


def _entries(said: str) -> tuple[Entry, ...]:
    headers = list(_HEADER.finditer(said))
    ends = [*(header.start() for header in headers[1:]), len(said)]
    return tuple(
        Entry(
            header["id"],
            header["kind"],
            header["name"],
            header["schema"],
            header["owner"],
            frozenset((header["needs"] or "").split()),
            said[header.end() : end],
        )
        for header, end in zip(headers, ends, strict=False)
    )


def _is_withheld(entry: Entry, trusted: Collection[str]) -> bool:
    if entry.kind == "EXTENSION":
        return entry.name not in trusted
    if entry.kind in ("PROCEDURAL LANGUAGE", "LANGUAGE"):
        return entry.name not in _TRUSTED_LANGUAGES | set(trusted)
    if entry.kind in _FUNCTIONS:
        language = _LANGUAGE.search(entry.text)
        return language is not None and language[1] not in _TRUSTED_LANGUAGES | set(trusted)
    return entry.kind in _NEVER
