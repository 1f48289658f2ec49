"""The rights of a ledger's roles: what a database's administrator and its owner have to grant, as
statements of PostgreSQL.

Three kinds of role:
1. The owner, of whom the tables are: a host at headquarters, which judges, tells and keeps duty.
2. A probe host, each with a role of its own. What it may keep and see of the tables is said by
   their policies (migrations/postgresql/0010_roles.sql); here it is let at them at all.
3. A reader, for Grafana and the like: views without people, letters' texts or what far ends sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.ledger.database import Database
from monitor.ledger.errors import LedgerFault

# Not reveille_reader: so a restore test calls a role of its own, in a server that has ours restored
# (checks/data/backup/engines/postgresql/restore_test.py).
READER = "reveille_viewer"
VIEWS = (
    "report_looks",
    "report_hours",
    "report_checks",
    "report_tickets",
    "report_letters",
    "report_hosts",
)
# A daemon asks them all; of those without a policy it is shown no row.
_READ = (
    *("identity", "migrations", "numbers", "seals", "check_names", "attempts", "words", "places"),
    *("conditions", "proposals", "acceptances", "exhibits", "leases", "hosts", "slots"),
    *("incidents", "history", "outbox", "receipts", "rolled_runs", "rolled_hours"),
    "large_exhibits",
)
# By table, the columns that a probe host may give a new row; "" for all of them.
_ADDED = {
    "check_names": "(name)",
    "attempts": "",
    "words": "",
    "exhibits": "",
    "large_exhibits": "(path, at, host, size)",
    "conditions": "",
    "proposals": "",
    "leases": "(job)",
    "hosts": "(name, location, life, heard_at, tags, sites)",
}
_CHANGED = {
    "conditions": "(body)",
    "proposals": "(value, seen_at)",
    "leases": "(holder, fence, until, done_to)",
    "hosts": "(location, life, heard_at, left_at, tags, sites)",
    "large_exhibits": "(stored_at, sha256)",
}
_LONGEST = 63  # NAMEDATALEN, less its end (PostgreSQL, 4.1.1)


@dataclass(frozen=True, slots=True)
class ProbeRole:
    """A probe host's role, and of which sites it is; ("",) where the ledger has one site."""

    host: str
    sites: tuple[str, ...]

    @property
    def name(self) -> str:
        """The role's: reveille_delhi_1 for the host delhi-1."""
        return f"reveille_{re.sub('[^a-z0-9]', '_', self.host.lower())}"[:_LONGEST]


@dataclass(frozen=True, slots=True)
class Where:
    """A ledger's database and schema, and of whom they are."""

    database: str
    schema: str
    owner: str


def where(database: Database) -> Where:
    """Asked of the database itself. Raises LedgerFault."""
    row = database.row(
        "SELECT current_database() AS database, current_schema() AS schema, current_user AS owner"
    )
    assert row is not None  # noqa: S101 - a statement without a table has one row
    if row["schema"] is None:
        raise LedgerFault(f"in {database.where} there is no schema that {row['owner']} may use")
    return Where(str(row["database"]), str(row["schema"]), str(row["owner"]))


def missing(database: Database, names: Sequence[str]) -> list[str]:
    """Which of these roles the server does not know."""
    rows = database.rows("SELECT rolname AS name FROM pg_roles")
    known = {str(row["name"]) for row in rows}
    return [name for name in names if name not in known]


def may_make_roles(database: Database) -> bool:
    """Whether the role that asks may do what an administrator has to do."""
    row = database.row(
        "SELECT rolcreaterole OR rolsuper AS may FROM pg_roles WHERE rolname = current_user"
    )
    return bool(row and row["may"])


def of_administrator(at: Where, names: Sequence[str]) -> Iterator[str]:
    """What only the server's administrator may do: make roles, and say where they look first."""
    for name in names:
        yield f"CREATE ROLE {_name(name)} LOGIN"
        if at.schema != "public":
            yield (
                f"ALTER ROLE {_name(name)} IN DATABASE {_name(at.database)}"
                f" SET search_path = {_name(at.schema)}"
            )


def of_owner(at: Where, probes: Sequence[ProbeRole], reader: str = "") -> Iterator[str]:
    """What the owner grants, to roles that are there; bears being granted again."""
    schema, database = _name(at.schema), _name(at.database)
    # Whoever may put a table or a function before the ledger's own could have it obey him.
    yield f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC"
    yield f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC"
    for name in (*(probe.name for probe in probes), *([reader] if reader else [])):
        yield f"GRANT CONNECT ON DATABASE {database} TO {_name(name)}"
        yield f"GRANT USAGE ON SCHEMA {schema} TO {_name(name)}"
    for probe in probes:
        role = _name(probe.name)
        yield f"GRANT SELECT ON {', '.join(f'{schema}.{table}' for table in _READ)} TO {role}"
        for table, columns in _ADDED.items():
            yield f"GRANT INSERT {columns} ON {schema}.{table} TO {role}"
        for table, columns in _CHANGED.items():
            yield f"GRANT UPDATE {columns} ON {schema}.{table} TO {role}"
        sites = ", ".join(_text(site) for site in probe.sites)
        yield (
            f"INSERT INTO {schema}.roles (name, host, sites) VALUES ({_text(probe.name)},"  # noqa: S608 - quoted
            f" {_text(probe.host)}, ARRAY[{sites}]::text[]) ON CONFLICT (name) DO UPDATE SET"
            " host = excluded.host, sites = excluded.sites"
        )
    if reader:
        views = ", ".join(f"{schema}.{view}" for view in VIEWS)
        yield f"GRANT SELECT ON {views} TO {_name(reader)}"


def grant(database: Database, statements: Sequence[str]) -> None:
    """Have them done, all or none. Raises LedgerFault."""
    with database.transaction():
        for statement in statements:
            database.script(statement)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    # With standard_conforming_strings, which is on since 9.1, nothing else is special in it.
    return "'" + text.replace("'", "''") + "'"
