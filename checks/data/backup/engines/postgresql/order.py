"""In which order an archive of pg_dump is brought back, and as whom: order.list, beside it.

    pre<TAB>215; 1259 16386 TABLE public cdr app          lines of `pg_restore --list`, by step
    rows-1<TAB>3329; 0 16386 TABLE DATA public cdr app    as owner 1
    owner-1<TAB>app
    parts<TAB>part-16390.dump 1                           an archive of one table, and its owner
    bounds-1, checks-1, references-1<TAB>…                as owner 1 too
    rights, post, remarks, database, administrator<TAB>…

It is written with the backup: RESTORE.md, `backup restore` and the drill all go by it. Whatever
makes the server run what a table's owner wrote is done as that owner: its rows, the bounds of its
partitions, constraints that are held against rows that are there. What only a superuser can make,
and what hangs on it, is the administrator's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from checks.contract import Failed
from checks.data.backup.engines.postgresql import withheld
from checks.data.backup.engines.postgresql.owners_work import made_by_owners
from checks.data.backup.engines.postgresql.withheld import LISTED, Contents
from checks.data.backup.programs import PIPE, Tool, run, started
from checks.data.backup.store.throttle import Readable

ORDER = "order.list"
NOBODY = ""
"""the owner of what whoever restores loads himself"""
_RIGHTS = ("ACL ", "DEFAULT ACL ")
_ROWS = ("TABLE DATA ", "SEQUENCE SET ", "BLOBS ")
# A remark on a constraint comes when that is there.
_REMARKS = ("COMMENT ", " CONSTRAINT ")
_ASKED = (("--list",), ("--list", "--section=post-data"), withheld.DESCRIBING)
# What is in no list of one line.
_BREAKS = str.maketrans("\n\r\t", "   ")
# By the table's number in the live server: its owner, and the extension that it is of.
_TABLES = """
SELECT c.oid::int8, CASE WHEN r.rolsuper OR r.rolname ~ '^pg_' THEN '' ELSE r.rolname END,
       coalesce(e.extname, '')
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
  LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                                  AND d.objid = c.oid AND d.deptype = 'e'
  LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
 WHERE c.relkind IN ('r', 'p')"""
# A list tells no number of theirs, so they go by what it says of them.
_SEQUENCES = """
SELECT pg_catalog.format('%s %s %s', n.nspname, c.relname, r.rolname), e.extname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                             AND d.objid = c.oid AND d.deptype = 'e'
  JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid WHERE c.relkind = 'S'"""
# PostgreSQL 12 and older mark no extension as trusted.
TRUSTED = "SELECT DISTINCT name FROM pg_catalog.pg_available_extension_versions WHERE trusted"


@dataclass(frozen=True, slots=True)
class Owned:
    """Whose a table is on the live server, and of which extension."""

    owner: str
    extension: str = ""


def owned(connection: Any) -> Mapping[int, Owned]:
    """All tables of the live database, by their numbers."""
    return {
        oid: Owned("" if set(owner) & set("\n\r\t") else owner, extension)
        for oid, owner, extension in connection.execute(_TABLES).fetchall()
    }


def order(
    held: Contents,
    lines: str,
    after: str,
    owner_of: Callable[[Any], Owned],
    parts: Mapping[str, str],
    sequences: Mapping[str, str] = MappingProxyType({}),
    made_as: Callable[[Any], tuple[str, str]] = lambda _: ("", NOBODY),
) -> bytes:
    """What stands in order.list; `after` lists what is made after the rows, `parts` are archives of
    one table, with its owner, `sequences` those of extensions, as a list calls them. `made_as` says
    in which step of its own, and as whom, something else is made.
    """
    post = {line["id"] for line in LISTED.finditer(after)}
    gone = {entry.id for entry in held.withheld}
    extensions = {entry.name for entry in held.withheld if entry.kind == "EXTENSION"}
    owners: dict[str, int] = {NOBODY: 0}
    found = list[tuple[str, str]]()
    for line in LISTED.finditer(lines):
        rest = line["rest"]
        if rest.startswith(_ROWS):
            extension = sequences.get(rest.removeprefix("SEQUENCE SET "), "")
            is_table = rest.startswith("TABLE DATA ")
            whose = owner_of(line) if is_table else Owned(NOBODY, extension)
            number = owners.setdefault(whose.owner, len(owners))
            where = f"rows-{number}"
            where = "administrator" if whose.extension in extensions - {""} else where
        else:
            where, owner = made_as(line)
            number = owners.setdefault(owner, len(owners)) if where else 0
            where = f"{where}-{number}" if number else _step_of(rest, line["id"] in post)
        found.append(("administrator" if line["id"] in gone else where, line[0]))
    found += [
        ("parts", f"{name} {owners.setdefault(whose, len(owners))}")
        for name, whose in sorted(parts.items())
    ]
    found += [(f"owner-{number}", owner) for owner, number in owners.items()]
    text = "".join(f"{where}\t{line.translate(_BREAKS)}\n" for where, line in found)
    return text.encode("utf-8", "surrogateescape")


def _step_of(rest: str, is_post: bool) -> str:
    """Rights come after the rows; those of the database itself are set where that is made."""
    # By a list of its own and not by --section: a remark that stands first in a list is of the
    # section of what is not in the list, for pg_restore, and is passed over (seen with 15.18).
    if not rest.startswith(_RIGHTS):
        is_remark = rest.startswith(_REMARKS[0]) and _REMARKS[1] in rest
        return "remarks" if is_remark else "post" if is_post else "pre"
    return "database" if rest.startswith("ACL - DATABASE ") else "rights"


def administrators(written: bytes) -> frozenset[str]:
    """The numbers of what is the administrator's."""
    lines = written.decode("utf-8", "surrogateescape").splitlines()
    own = [line.partition("\t")[2] for line in lines if line.startswith("administrator\t")]
    return frozenset(line.partition(";")[0] for line in own)


class Beside:
    """An archive as it is written, read by pg_restore too, as far as that wants: the list of what
    it holds stands at the front.
    """

    def __init__(self, output: Readable, listing: Sequence[tuple[Tool, IO[bytes]]]) -> None:
        self._output = output
        self._listing = list(listing)
        self._fed = [tool for tool, _ in listing]

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._output.read(size)
        for tool in list(self._fed):
            try:
                tool.input.write(data)
            except BrokenPipeError:  # it has read what it wanted
                self._fed.remove(tool)
        return data

    def told(self) -> list[str]:
        """What each said, once all was read. Raises ToolFailed."""
        said = []
        for tool, written in self._listing:
            with suppress(BrokenPipeError):
                tool.input.close()
            tool.end()
            written.seek(0)
            said.append(written.read().decode("utf-8", "surrogateescape"))
        return said


@contextmanager
def beside(pg_restore: Path, output: Readable) -> Iterator[Beside]:
    """`told` gives the list of the archive that is read, that of what is made after the rows, and
    the text of all but the rows.
    """
    with ExitStack() as stack:
        listing = []
        for command in _ASKED:
            written = stack.enter_context(tempfile.TemporaryFile())
            words: list[str | Path] = [pg_restore, *command]
            tool = stack.enter_context(started(words, stdin=PIPE, stdout=written))
            listing.append((tool, written))
        yield Beside(output, listing)


def of_live(
    connection: Any, told: Sequence[str], extensions: Collection[str], parts: Collection[int]
) -> tuple[bytes, list[str]]:
    """Which step of its restore brings back what, and the extensions that its tables need. `told`
    is what `Beside` told, `parts` the tables that have archives of their own.
    """
    lines, after, described = told
    trusted = set(extensions)
    if connection.info.server_version >= 130000:
        trusted |= {name for (name,) in connection.execute(TRUSTED)}
    held, needs = contents_of(described, trusted)
    whose, nobody = owned(connection), Owned(NOBODY)
    archives = {f"part-{oid}.dump": whose[oid].owner for oid in parts}
    sequences = dict(connection.execute(_SEQUENCES).fetchall())

    def owner_of(line: Any) -> Owned:
        return whose.get(int(line["table"]), nobody)

    made_as = made_by_owners(connection)
    written = order(held, lines, after, owner_of, archives, sequences, made_as)
    return written, list(needs)


def contents_of(described: str, trusted: Collection[str]) -> tuple[Contents, tuple[str, ...]]:
    """What an archive holds and what of it is the administrator's; and what tables need of that:
    where they need it, nothing can be restored without, and it comes first.
    """
    held = withheld.withheld_of(described, trusted)
    if not held.lacking:
        return held, ()
    needed = tuple(sorted({each.name for each in held.causes}))
    return withheld.withheld_of(described, {*trusted, *needed}), needed


def of_old(pg_restore: Path, archive: Path, held: Contents, parts: Mapping[str, Path]) -> bytes:
    """The order of a backup that was written without one, by an older release. Raises Failed,
    ToolFailed.
    """
    known = {
        f"{each.schema} {each.name} {each.owner}": each.owner
        for each in held.entries
        if each.kind in ("TABLE", "SEQUENCE", "MATERIALIZED VIEW")
    }

    def owner_of(line: Any) -> Owned:
        rest = line["rest"].removeprefix("TABLE DATA ")
        if rest not in known:
            raise Failed("restore-failed", f"whose rows are these: {rest[:100]}")
        return Owned(known[rest])

    def listed(path: Path, asked: Sequence[str] = _ASKED[0]) -> str:
        return run([pg_restore, *asked, "--", path]).decode("utf-8", "surrogateescape")

    whose = {
        name: owner_of(next(LISTED.finditer(listed(path)))).owner for name, path in parts.items()
    }
    return order(held, listed(archive), listed(archive, _ASKED[1]), owner_of, whose)
