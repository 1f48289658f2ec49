"""What the actions of `ledger` show, as plain data. Sizes are bytes, spans days."""

from __future__ import annotations

from dataclasses import dataclass

from reports.ticket import Plain


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that grows: what it is, how much of it there is, and how much a day adds."""

    name: str
    rows: int
    bytes: int
    bytes_a_day: float
    keep_days: float | None
    """None: for good"""


@dataclass(frozen=True, slots=True)
class LedgerSize(Plain):
    """How large a ledger is, and what it comes to."""

    file: str
    bytes: int
    unused_bytes: int
    """of these, free for what is to come"""
    disk_free_bytes: float | None
    """None: a server's, which only that knows"""
    evidence_bytes: int
    evidence_bytes_a_day: float
    evidence_keep_days: float
    parts: tuple[Part, ...]
    year_bytes: float
    """what ledger and evidence come to in a year"""
    lasts_days: float | None
    """how long the disk lasts; None where it lasts for ever at this pace"""


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a day."""

    day: str
    text: str


@dataclass(frozen=True, slots=True)
class LedgerProof(Plain):
    """What a look at all seals came to."""

    seals: int
    first: str
    last: str
    looks: int
    others: int
    has_key: bool
    wrong: tuple[Wrong, ...]
    chain: str


@dataclass(frozen=True, slots=True)
class Moved:
    """One table: its rows, and their SHA-256 on both sides."""

    table: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class LedgerMoved(Plain):
    """A ledger that was carried over."""

    file: str
    to: str
    tables: tuple[Moved, ...]
    seconds: float
    configured: bool
    """whether the configuration says so already"""


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the database: a probe host's with its sites, or a reader's without a host."""

    name: str
    host: str
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerRoles(Plain):
    """A ledger on its server, and who may do what there."""

    where: str
    roles: tuple[Role, ...] = ()
    statements: tuple[str, ...] = ()
    """what an administrator has to do first; nothing was granted then"""
    made: tuple[str, ...] = ()
    """roles that were not there before, which have no password yet"""
