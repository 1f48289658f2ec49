"""Whether a server's ledger opens, tried once and changing nothing: for `check-config --try`."""

from __future__ import annotations

from monitor.ledger import engines
from monitor.ledger.errors import LedgerFault
from monitor.ledger.migrate import known, refuse_newer, version
from monitor.ledger.server_address import ServerAddress

_STANDING = (
    "SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby,"
    " coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted,"
    " coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_make"
)


def try_server(address: ServerAddress) -> str:
    """What is there, in words. Raises LedgerFault."""
    database = engines.opened(address, read_only=True)
    try:
        found, form = database.row(_STANDING), version(database)
        refuse_newer(database, newest := len(known(database.MIGRATIONS)))
    finally:
        database.close()
    if found is None or found["standby"]:
        raise LedgerFault(f"the ledger {address} is a standby, which cannot be written")
    if form < newest and not found["may_make"]:
        raise LedgerFault(f"in the ledger {address} this user may make no tables")
    begun = f"a ledger of form {form}" if form else "no ledger yet; `reveille run` begins one"
    secured = "TLS" if found["encrypted"] else "on this host"
    return f"PostgreSQL {found['version'].split()[0]}, {secured}: {begun}"
