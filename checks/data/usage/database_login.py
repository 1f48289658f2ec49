"""How one logs in to a database server: the arguments that its driver's `connect` is given. Nothing
is imported here.

A `server` is what `Server.plain` (sources.py) gives. The certificate is checked where there is
something to check it against.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CONNECT_SECONDS = 10
# Whatever the owner of the database has set in it: the check has a time limit of its own.
# Nor has it a plan call what the table's constraints call.
POSTGRES_OWN_LIMITS = (
    "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c constraint_exclusion=off"
)


def postgres_log_in(server: Mapping[str, Any], purpose: str) -> dict[str, Any]:
    """For psycopg; the server shows its own people the purpose."""
    return {
        "host": server["host"],
        "port": server["port"] or 5432,
        "dbname": server["database"],
        "user": server["user"],
        "password": server["password"] or "",
        # libpq would otherwise look for ~/.pgpass of whoever runs the daemon, and send what stands
        # there.
        "passfile": "/nonexistent",
        # verify-full checks the name as well; without authorities to check against, encryption is
        # taken where it is offered.
        "sslmode": "verify-full" if server["trusted"] else "prefer",
        "sslrootcert": server["trusted"] or "",
        "connect_timeout": CONNECT_SECONDS,
        "application_name": f"reveille {purpose}",
        "client_encoding": "utf8",
    }


def mariadb_log_in(server: Mapping[str, Any]) -> dict[str, Any]:
    """For PyMySQL; a host that is a path is a socket."""
    host, trusted = server["host"], server["trusted"]
    where = (
        {"unix_socket": host}
        if host.startswith("/")
        else {"host": host, "port": server["port"] or 3306}
    )
    # PyMySQL checks neither chain nor name unless it is told to.
    checked = (
        {"ssl_ca": trusted, "ssl_verify_cert": True, "ssl_verify_identity": True} if trusted else {}
    )
    return {
        **where,
        "user": server["user"],
        "password": server["password"] or "",
        "database": server["database"],
        "connect_timeout": CONNECT_SECONDS,
        "charset": "utf8mb4",
        "use_unicode": True,
        **checked,
    }
