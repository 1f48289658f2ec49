"""The one list of what can be backed up: the word in the configuration, its source, its rehearsal.
Imported late: each brings its own driver.
"""

from __future__ import annotations

from pathlib import Path

from checks.contract import Failed
from checks.data.backup.engine import Engine, Rehearsal
from checks.data.backup.job import Source


def source_of(source: Source) -> Engine:
    """What is backed up."""
    if source.engine == "postgresql":
        from checks.data.backup.engines.postgresql.dump import PostgresqlSource

        return PostgresqlSource(source)
    if source.engine == "mariadb":
        from checks.data.backup.engines.mariadb.dump import MariadbSource

        return MariadbSource(source)
    if source.engine == "sqlite":
        from checks.data.backup.engines.sqlite import SqliteSource

        return SqliteSource(source)
    from checks.data.backup.engines.directory import DirectorySource

    return DirectorySource(source)


def rehearsal_of(engine: str, tools: Path | None) -> Rehearsal:
    """How a backup of an engine is proven. Raises Failed."""
    if engine == "postgresql":
        from checks.data.backup.engines.postgresql.restore_test import PostgresqlRehearsal

        return PostgresqlRehearsal(tools)
    if engine == "mariadb":
        from checks.data.backup.engines.mariadb.restore_test import MariadbRehearsal

        return MariadbRehearsal(tools)
    if engine == "sqlite":
        from checks.data.backup.engines.sqlite import SqliteRehearsal

        return SqliteRehearsal()
    if engine == "directory":
        from checks.data.backup.engines.directory_restore_test import DirectoryRehearsal

        return DirectoryRehearsal()
    raise Failed("manifest", f"it is of an unknown engine, {engine[:40]}", origin="local")
