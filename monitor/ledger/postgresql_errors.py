"""What PostgreSQL and libpq say, in words that an administrator can act on.

Rule: only the first line of what the server says, and never its DETAIL, which quotes rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from monitor.ledger.encoding import plain
from monitor.ledger.errors import ConstraintBroken, LedgerFault

_UNREACHABLE = "unreachable"
# What a server says at the door that will open later.
_SOON = ("starting up", "shutting down", "recovery", "not accepting connections", "too many")
# By SQLSTATE, or the class that its first two signs are (PostgreSQL, appendix A).
_WORDS = {
    "28": ("does not let this user in", "not-writable"),
    "3D": ("is not there: the server has no such database", "not-writable"),
    "42501": ("may not be used so by this user", "not-writable"),
    "25006": ("can only be read there: is it a standby?", "not-writable"),
    "53100": ("cannot grow: the disk of its server is full", "disk"),
    "58": ("cannot be read or written: the disk of its server is full or failing", "disk"),
    "55P03": ("is held by another process for too long", "held"),
    "25P03": ("has undone a change that stood still for too long", "held"),
    "57014": ("was asked for too long: the question was ended", "held"),
    "XX": ("is damaged on its server", "damaged"),
    "53": ("cannot be reached: its server has too much to do", _UNREACHABLE),
    "57": ("cannot be reached: its server is stopping or starting", _UNREACHABLE),
    "08": ("cannot be reached", _UNREACHABLE),
}


def told(where: str, error: psycopg.Error) -> LedgerFault:
    """PostgreSQL's error as a LedgerFault that says which ledger and what to do."""
    state = error.sqlstate or ""
    words = _WORDS.get(state) or _WORDS.get(state[:2])
    if words is None:
        lost = isinstance(error, psycopg.OperationalError) and not state
        words = _WORDS["28"] if _refused(error) else _WORDS["08"] if lost else None
    said, cause = words or ("refused what was asked of it", "ledger")
    return LedgerFault(
        f"the ledger {where} {said} ({state or type(error).__name__}: {first_line(error)})", cause
    )


def first_line(error: psycopg.Error) -> str:
    """What the server says, without what it quotes."""
    # Of a value that does not fit the server quotes the value (class 22).
    if (error.sqlstate or "").startswith("22"):
        return type(error).__name__
    said = error.diag.message_primary or str(error).partition("\n")[0]
    return plain(said, 300)


def _refused(error: psycopg.Error) -> bool:
    # A login that fails has no SQLSTATE in psycopg, only libpq's words: the server's own are behind
    # its FATAL, and but for these few they say that it will not have us.
    said = str(error)
    return "certificate" in said or ("FATAL:" in said and not any(one in said for one in _SOON))


def broken(error: psycopg.IntegrityError) -> ConstraintBroken:
    """Which rule it was."""
    taken = isinstance(error, psycopg.errors.UniqueViolation)
    return ConstraintBroken(first_line(error), (error.diag.table_name or "") if taken else "")


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Raises what psycopg raises as it is `told`, and a broken constraint as `broken`."""
    try:
        yield
    except psycopg.IntegrityError as refused:
        raise broken(refused) from None
    except psycopg.Error as error:
        raise told(where, error) from None
