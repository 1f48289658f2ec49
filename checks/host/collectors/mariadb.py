"""A MariaDB or MySQL server's own views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from checks.data.quoted_rows import without_rows
from checks.data.usage.database_login import mariadb_log_in
from checks.data.usage.driver_faults import mariadb_fault
from checks.host.collectors.collector import Look, NotLooked
from checks.host.collectors.database_family import late

_OLDEST = """
    SELECT timestampdiff(SECOND, trx_started, now()),
        concat(coalesce(p.user, '?'), ': ', left(coalesce(trx_query, '-'), 120))
    FROM information_schema.innodb_trx
    LEFT JOIN information_schema.processlist p ON p.id = trx_mysql_thread_id
    WHERE trx_mysql_thread_id <> connection_id() ORDER BY trx_started LIMIT 1
"""
_SIZE = (
    "SELECT coalesce(sum(data_length + index_length), 0) FROM information_schema.tables WHERE"
    " table_schema = database()"
)
_ANSWER_SECONDS = 60
# ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR, ER_SPECIFIC_ACCESS_DENIED_ERROR.
_NOT_ALLOWED = (1044, 1142, 1227)
# The server's error codes (MariaDB manual): 1203 is the account's own limit of connections, 1698 a
# refusal without a password; 2026 is the client's, for TLS.
_ERRORS = {
    1040: "too-many-connections", 1203: "too-many-connections",
    1045: "login-refused", 1698: "login-refused",
    1044: "not-allowed", 1049: "no-such-database", 2026: "certificate",
}  # fmt: skip


class MariaDb:
    """The server, logged in to; rows are dictionaries, since columns differ between versions."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def alive(self) -> str:
        return f"MariaDB or MySQL {self._one('SELECT version() AS it')['it']}"

    def connections(self) -> tuple[int, int]:
        return int(self._status("Threads_connected")), int(self._variable("max_connections"))

    def oldest_transaction(self) -> tuple[float, str]:
        rows = self._rows(_OLDEST)
        if not rows:
            return 0.0, ""
        seconds, whose = rows[0].values()
        return float(seconds or 0), str(whose)

    def replication(self, at: Look) -> None:
        if at.settings["replica"]:
            self._as_standby(at)
        if at.settings["standbys"]:
            # A replica shows in SHOW SLAVE HOSTS only when it reports itself (report_host); its
            # dump thread stands in the process list in any case.
            following = len(self._rows("SHOW SLAVE HOSTS"))
            dumping = sum(
                row["Command"].startswith("Binlog Dump") for row in self._rows("SHOW PROCESSLIST")
            )
            at.measure("standbys", max(following, dumping))
            if max(following, dumping) < at.settings["standbys"]:
                found = max(following, dumping)
                at.fault(
                    "replication-broken",
                    f"{found} of {at.settings['standbys']} standbys are connected",
                )
        # Galera: a node without a quorum answers, and refuses every query: wsrep_ready is OFF then.
        if self._variable("wsrep_on") == "ON" and self._status("wsrep_ready") != "ON":
            state = self._status("wsrep_local_state_comment", "its state is unknown")
            at.fault("replication-broken", f"this Galera node is not ready: {state}")

    def _as_standby(self, at: Look) -> None:
        rows = self._rows("SHOW SLAVE STATUS")
        if not rows:
            at.fault("replication-broken", "this server replicates from nobody")
        for row in rows:
            wire, work = row["Slave_IO_Running"], row["Slave_SQL_Running"]
            # It tells the whole statement that could not be applied.
            said = without_rows(row.get("Last_SQL_Error") or row.get("Last_IO_Error") or "")
            behind = row.get("Seconds_Behind_Master")
            # IO running has a third value: "Connecting" while the primary is not reached.
            if "Yes" not in wire or "Yes" not in work or wire != "Yes":
                at.fault(
                    "replication-broken",
                    f"receiving {wire}, applying {work}: {said or 'no reason is given'}",
                )
            elif behind is None:
                at.fault("replication-broken", "how far it is behind is not known to it")
            else:
                at.measure("lag_seconds", float(behind))
                late(at, "this standby", float(behind))

    def storage(self, at: Look) -> float:
        deadlocks = float(self._status("Innodb_deadlocks", "0") or 0)
        before = at.recalled.get("deadlocks", deadlocks)
        at.remember("deadlocks", deadlocks)
        at.measure("deadlocks", max(0.0, deadlocks - before))
        if not at.settings["replica"] and self._variable("read_only") in ("ON", "1"):
            at.fault("read-only", "the server takes no writes (read_only)")
        return float(next(iter(self._one(_SIZE).values())))

    def clock(self) -> float:
        return float(self._one("SELECT unix_timestamp(now(6)) AS it")["it"])

    def _status(self, name: str, otherwise: str = "0") -> str:
        rows = self._rows("SHOW GLOBAL STATUS LIKE %s", (name,))
        return str(rows[0]["Value"]) if rows else otherwise

    def _variable(self, name: str) -> str:
        rows = self._rows("SHOW GLOBAL VARIABLES LIKE %s", (name,))
        return str(rows[0]["Value"]) if rows else ""

    def _rows(self, question: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        import pymysql

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(question, values)
                return list(cursor.fetchall())
        except pymysql.err.OperationalError as error:
            if error.args[0] in _NOT_ALLOWED:
                raise NotLooked(f"this account may not ask: {error.args[1]}") from None
            raise

    def _one(self, question: str) -> dict[str, Any]:
        return self._rows(question)[0]


@contextmanager
def opened(server: Mapping[str, Any]) -> Iterator[MariaDb]:
    """Log in to a MariaDB or MySQL server. Raises SourceFault."""
    import pymysql
    from pymysql.cursors import DictCursor

    given = {**mariadb_log_in(server), "read_timeout": _ANSWER_SECONDS}
    try:
        with pymysql.connect(**given, cursorclass=DictCursor) as connection:
            yield MariaDb(connection)
    except pymysql.Error as error:
        raise mariadb_fault(error, _ERRORS, "closed") from None
