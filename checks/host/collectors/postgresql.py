"""A PostgreSQL server's own views (PostgreSQL 15 documentation, chapter 28)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from checks.data.usage.drivers import open_postgres
from checks.host.collectors.collector import Look, listed
from checks.host.collectors.database_family import late

if TYPE_CHECKING:
    from checks.data.usage.record_query import Dialect

# Transaction ids wrap after 2^31; PostgreSQL stops taking commands some millions before that
# (manual, section 25.1.5).
_MOST_IDS = 2_000_000_000
# Autovacuum forces a freeze at 200 million (autovacuum_freeze_max_age): at three quarters of the
# whole it has failed for long, and there is still time to act.
_ID_FAULT_PERCENT = 75.0
# Small tables turn over all of their rows between two vacuums without anybody noticing.
_LEAST_DEAD_ROWS = 100_000
_OLDEST = """
    SELECT extract(epoch FROM now() - xact_start)::float8,
        coalesce(usename, '?') || ' on ' || coalesce(datname, '?')
            || ', ' || state || ': ' || left(query, 120)
    FROM pg_stat_activity
    WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    ORDER BY xact_start LIMIT 1
"""
# replay_lag is NULL when the standby has caught up and nothing is written, so NULL is no lag. A
# base backup appears as a walsender too, in the state `backup`.
_STANDBYS = """
    SELECT application_name, state, coalesce(extract(epoch FROM replay_lag), 0)::float8,
        coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
            ELSE pg_current_wal_lsn() END, replay_lsn), 0)::float8
    FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup'
"""
# wal_status `lost`: the log that the slot needs has been removed (max_slot_wal_keep_size).
_SLOTS = "SELECT slot_name, active, wal_status FROM pg_replication_slots"
_RECEIVER = "SELECT status, conninfo IS NOT NULL FROM pg_stat_wal_receiver"
# When all that was received is replayed the standby is not late, however long ago the last
# transaction was: on a quiet primary that time grows for ever.
_BEHIND = """
    SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
        ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END::float8,
        pg_is_wal_replay_paused()
"""
_STORAGE = """
    SELECT pg_database_size(current_database())::float8,
        (SELECT max(age(datfrozenxid))::float8 FROM pg_database),
        (SELECT coalesce(sum(n_dead_tup), 0)::float8 FROM pg_stat_user_tables),
        (SELECT coalesce(sum(deadlocks), 0)::float8 FROM pg_stat_database),
        (SELECT coalesce(sum(checksum_failures), 0)::float8 FROM pg_stat_database),
        (SELECT coalesce(failed_count, 0)::float8 FROM pg_stat_archiver)
"""
_BLOATED = """
    SELECT schemaname || '.' || relname, n_dead_tup::float8, n_live_tup::float8
    FROM pg_stat_user_tables
    WHERE n_dead_tup >= %s AND 100.0 * n_dead_tup >= %s * (n_dead_tup + n_live_tup)
    ORDER BY n_dead_tup DESC LIMIT 5
"""
_INVALID = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"


class PostgreSql:
    """A PostgreSQL server that we have logged in to."""

    def __init__(self, server: Dialect) -> None:
        self._server = server

    def alive(self) -> str:
        version = self._one("SELECT current_setting('server_version')")
        return f"PostgreSQL {version[0]}"

    def connections(self) -> tuple[int, int]:
        used = "SELECT count(*), current_setting('max_connections')::int FROM pg_stat_activity"
        row = self._one(f"{used} WHERE backend_type = 'client backend'")
        return int(row[0]), int(row[1])

    def oldest_transaction(self) -> tuple[float, str]:
        rows = self._rows(_OLDEST)
        return (float(rows[0][0]), str(rows[0][1])) if rows else (0.0, "")

    def replication(self, at: Look) -> None:
        if at.settings["replica"]:
            self._as_standby(at)
        wanted = max(at.settings["standbys"], len(at.settings["standby_names"]))
        rows = self._rows(_STANDBYS)
        following = [row for row in rows if row[1] == "streaming"]
        at.measure("standbys", len(following))
        missing = [
            name
            for name in at.settings["standby_names"]
            if name not in {row[0] for row in following}
        ]
        if missing:
            at.fault(
                "replication-broken", f"not connected: {listed(missing)}; there is {_said(rows)}"
            )
        elif len(following) < wanted:
            at.fault(
                "replication-broken",
                f"{len(following)} of {wanted} standbys follow; there is {_said(rows)}",
            )
        for name, _, seconds, behind in following:
            at.note(f"standby {name} is {seconds:.1f} s and {behind / 1e6:.1f} MB behind")
        # A slot that nobody reads keeps the log until the disk is full, and then the primary stops.
        for name, active, status in self._rows(_SLOTS):
            if status == "lost":
                at.fault(
                    "replication-broken",
                    f"the slot {name} is lost: its standby has to be made anew",
                )
            elif not active:
                at.warning(
                    f"nobody reads the replication slot {name}: the log is kept for it, and grows"
                )
        if following:
            at.measure("lag_seconds", max(row[2] for row in following))
        for name, _, seconds, _ in following:
            late(at, f"standby {name}", seconds)

    def _as_standby(self, at: Look) -> None:
        # After a failover that nobody undid, two servers take writes: what is on them drifts apart.
        if not self._one("SELECT pg_is_in_recovery()")[0]:
            at.fault("replication-broken", "this server is no standby: it takes writes of its own")
            return
        receiver = self._rows(_RECEIVER)
        behind, paused = self._one(_BEHIND)
        if not receiver or receiver[0][0] != "streaming":
            how = "paused, and " if paused else ""
            at.fault("replication-broken", f"this standby is {how}not connected to its primary")
        elif paused:
            at.fault(
                "replication-broken", "this standby receives, and replays nothing: it is paused"
            )
        if behind is not None:
            at.measure("lag_seconds", float(behind))
            late(at, "this standby", float(behind))

    def storage(self, at: Look) -> float:
        size, ids, dead, deadlocks, broken, unarchived = map(float, self._one(_STORAGE))
        at.measure("id_age_percent", 100 * ids / _MOST_IDS)
        at.measure("dead_rows", dead)
        if 100 * ids >= _ID_FAULT_PERCENT * _MOST_IDS:
            at.fault(
                "ids-running-out",
                f"{100 * ids / _MOST_IDS:.0f} % of the transaction ids are used: vacuum fails",
            )
        if broken:
            at.fault("checksum-failures", f"{broken:.0f} pages failed their checksum")
        before = at.recalled.get("counters", {})
        at.remember("counters", {"deadlocks": deadlocks, "unarchived": unarchived})
        at.measure("deadlocks", max(0.0, deadlocks - before.get("deadlocks", deadlocks)))
        if unarchived > before.get("unarchived", unarchived):
            at.fault(
                "archive-failing",
                f"{unarchived - before['unarchived']:.0f} archivings have failed since",
            )
        for name, dead_rows, live in self._rows(
            _BLOATED, (_LEAST_DEAD_ROWS, at.settings["dead_rows_percent"])
        ):
            at.warning(f"{name}: {dead_rows:.0f} dead rows beside {live:.0f} live ones")
        # CREATE INDEX CONCURRENTLY that failed leaves an index that costs every write and serves no
        # query.
        if invalid := [row[0] for row in self._rows(_INVALID)]:
            at.warning(f"invalid indexes: {listed(invalid)}")
        return size

    def clock(self) -> float:
        return float(self._one("SELECT extract(epoch FROM clock_timestamp())::float8")[0])

    def _rows(self, question: str, values: tuple[Any, ...] = ()) -> list[Any]:
        return [row for rows in self._server.ask(question, values) for row in rows]

    def _one(self, question: str) -> Any:
        return self._rows(question)[0]


@contextmanager
def opened(server: Mapping[str, Any]) -> Iterator[PostgreSql]:
    """Log in to a PostgreSQL server. Raises SourceFault."""
    with open_postgres({"server": server}) as dialect:
        yield PostgreSql(dialect)


def _said(rows: list[Any]) -> str:
    return ", ".join(f"{row[0]} ({row[1]})" for row in rows) or "none"
