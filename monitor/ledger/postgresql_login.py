"""How one logs in to the ledger's PostgreSQL, and what an address may say.

Rule: the server proves itself, chain and name (`verify-full`), before it hears a password; what an
address says can make that stricter and never weaker. Only what never leaves this host, a Unix
socket or 127.0.0.1, may say `sslmode=disable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checks.transport.clear_text import is_here
from monitor.ledger.database import BUSY_SECONDS
from monitor.ledger.server_address import ServerAddress

SCHEMES = ("postgresql://", "postgres://")
# Within it a server that can be reached answers; one that cannot is said to be gone.
CONNECT_SECONDS = 5
_MAY_SAY = (
    "host",
    "port",
    "dbname",
    "user",
    "sslmode",
    "sslcert",
    "sslkey",
    "target_session_attrs",
)
_TRUSTED_BY_HOST = Path("/etc/ssl/certs/ca-certificates.crt")
_MILLISECONDS = int(BUSY_SECONDS * 1000)


def said(url: str) -> dict[str, str]:
    """What an address says, by libpq's words for it. Raises ValueError: what is wrong, and what
    would be right.
    """
    import psycopg  # most ledgers are files

    if not url.startswith(SCHEMES):
        raise ValueError("it begins with postgresql://: postgresql://USER@HOST/DATABASE")
    try:
        found = psycopg.conninfo.conninfo_to_dict(url)
    # libpq repeats what it could not read, which may be a password.
    except psycopg.ProgrammingError:
        raise ValueError("that is no address: postgresql://USER@HOST:5432/DATABASE") from None
    given = {name: str(value) for name, value in found.items()}
    if "password" in given:
        raise ValueError(
            "a password is never written here; name where it is, as `password = { credential ="
            ' "NAME" }` beside it'
        )
    if strange := [name for name in given if name not in _MAY_SAY]:
        raise ValueError(f"it cannot say {strange[0]}; it can say {', '.join(_MAY_SAY)}")
    for needed, example in (("host", "HOST"), ("dbname", "DATABASE"), ("user", "USER")):
        if not given.get(needed):
            raise ValueError(f"it names no {example}: postgresql://USER@HOST/DATABASE")
    if wrong := _weaker(given):
        raise ValueError(wrong)
    return given


def parameters(address: ServerAddress, read_only: bool) -> Mapping[str, Any]:
    """For `psycopg.connect`, the password revealed. Raises ValueError, LookupError."""
    given = said(address.url)
    if read_only and given.get("target_session_attrs") == "read-write":
        # libpq counts our own `default_transaction_read_only` for a server that cannot be written
        # to (34.1.2): whoever reads means the same server by its other mark.
        given = {**given, "target_session_attrs": "primary"}
    settings = {
        # A process that stands still in the middle of a change must not keep all others from
        # theirs; the server undoes it before they have given up.
        "idle_in_transaction_session_timeout": _MILLISECONDS // 2,
        "lock_timeout": _MILLISECONDS,
        "default_transaction_read_only": "on" if read_only else "off",
        "timezone": "UTC",
    }
    return {
        "sslmode": "verify-full",
        # A standby that is about to take over is no ledger yet: it is waited for.
        "target_session_attrs": "any" if read_only else "read-write",
        **given,
        "sslrootcert": str(address.trusted or _authorities()),
        "password": address.password(),
        # libpq would otherwise look for ~/.pgpass of whoever runs the daemon, and send what stands
        # there.
        "passfile": "/dev/null/none",
        "gssencmode": "disable",
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "reveille ledger",
        "client_encoding": "utf8",
        # A cut that nobody tells of is noticed within the same ten seconds (tcp(7)).
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": _MILLISECONDS,
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }


def _weaker(given: Mapping[str, str]) -> str:
    mode = given.get("sslmode", "verify-full")
    if mode == "verify-full":
        return ""
    if mode == "disable" and all(is_here(host) for host in given["host"].split(",")):
        return ""
    return (
        f"sslmode={mode} takes whoever answers for the server; leave it away, which is verify-full"
        " (sslmode=disable is for a Unix socket or 127.0.0.1 alone)"
    )


def _authorities() -> str:
    # The OpenSSL that comes with psycopg looks where its builder had them.
    return str(_TRUSTED_BY_HOST) if _TRUSTED_BY_HOST.exists() else "system"
