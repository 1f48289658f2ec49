"""A database's health: PostgreSQL or MariaDB (MySQL), asked by its own views; nothing is written.

    connect       log in, ask for the version             unreachable, login-refused,
                                                          too-many-connections, read-only
    connections   pg_stat_activity, PROCESSLIST           connections-full, long-transaction
    replication   pg_stat_replication, slots, WAL         replication-broken, replication-late
                  receiver, SHOW REPLICA STATUS, Galera
    storage       sizes, dead rows, transaction ids,      checksum-failures, ids-running-out,
                  page checksums, archiving               archive-failing
    clock         SELECT now()                            clock-off

Rule: a standby is expected by its name or by their number; one that is not connected is broken
replication. Give the account the role pg_monitor, or PROCESS and REPLICATION CLIENT (REPLICA
MONITOR), and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from checks.data.usage.sources import Server
from checks.host.check import HostCheck, Percent
from checks.kind import Duty
from checks.settings import Duration


class DatabaseHealth(HostCheck):
    """Asks a database server how it is."""

    KIND: ClassVar[str] = "database-health"
    LOOKS_ONLY: ClassVar[bool] = True
    LOOK: ClassVar[str] = "database"
    DUTY: ClassVar[Duty] = "servers"
    SAMPLE: ClassVar[str] = """
# For the account: GRANT pg_monitor TO reveille; MariaDB: GRANT PROCESS, REPLICATION CLIENT.
[checks.records-database]
kind = "database-health"
every = "5m"
engine = "postgresql"
server = { database = "asterisk", user = "reveille", password = { credential = "records" } }
standby_names = ["standby-b"]
"""
    WORST: ClassVar[tuple[str, ...]] = (
        "unreachable", "refused", "dns", "closed", "too-many-connections", "connections-full",
        "read-only", "login-refused", "no-such-database", "not-allowed", "checksum-failures",
        "ids-running-out", "replication-broken", "replication-late", "archive-failing",
        "long-transaction", "clock-off",
    )  # fmt: skip

    engine: Literal["postgresql", "mariadb"]
    """postgresql, or mariadb (MySQL too)"""
    server: Server
    """where it is, and who asks"""
    standbys: int = Field(default=0, ge=0)
    """how many standbys have to be connected to it"""
    standby_names: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), examples=[["standby-b"]]
    )
    """PostgreSQL: the application names of standbys that have to be connected"""
    replica: bool = False
    """whether it is itself a standby, and has to follow its primary"""
    most_lag: Duration = Field(default=300.0, gt=0)
    """how far a standby may be behind before it is a fault"""
    most_connections_percent: Percent = 90.0
    """connections in use from which on it is a fault"""
    longest_transaction: Duration = Field(default=3600.0, gt=0)
    """a transaction that is open for longer is a fault: it holds locks, and old rows"""
    dead_rows_percent: Percent = 40.0
    """tables with more dead rows than this, and more than 100 000 of them, are a warning"""
    growth_percent: float = Field(default=5.0, gt=0)
    """a database that grows faster than this in a day is a warning"""
    most_offset: Duration = Field(default=5.0, gt=0)
    """how far the server's clock may be from this host's"""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.standby_names and self.engine != "postgresql":
            raise ValueError("standbys have names in PostgreSQL alone; write standbys = 1")
        return self

    def plain(self) -> dict[str, object]:
        """The settings for the looking process, the password revealed. Raises LookupError."""
        return {**super().plain(), "server": self.server.plain()}

    def target(self) -> str:
        """The database, and its server."""
        return self.server.named()

    def measures(self) -> Mapping[str, str]:
        """The measures of each stage."""
        return {
            "connect_seconds": "from nothing to the first answer, in seconds",
            "connections_seconds": "looking at the connections, in seconds",
            "replication_seconds": "looking at the replication, in seconds",
            "storage_seconds": "looking at the storage, in seconds",
            "clock_seconds": "comparing the clocks, in seconds",
            "connections": "connections in use",
            "connections_percent": "connections in use, in percent of those there can be",
            "longest_transaction_seconds": "age of the oldest open transaction, in seconds",
            "standbys": "standbys that follow",
            "lag_seconds": (
                "how far the slowest standby is behind, in seconds; only where there is one"
            ),
            "database_megabytes": "size of the database, in megabytes",
            "growth_megabytes": (
                "how much it grows in a day, in megabytes; after half a day of looks"
            ),
            "dead_rows": "rows that are dead and not yet cleaned away (PostgreSQL)",
            "id_age_percent": (
                "transaction ids in use before the database stops, in percent (PostgreSQL)"
            ),
            "deadlocks": "deadlocks since the last look",
            "server_offset_seconds": "the server's clock against this host's, in seconds",
        }
