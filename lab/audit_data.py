"""What a morning audit has to look at: call records of four weeks and a day, and a database to back
up and to restore.

The records end with the day before `today`, whose calls are as plausible as the others'.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from lab import records
from lab.configuration import filled

# Any seed does; a fixed one makes the demo tell the same story each time.
_SEED = 5


def prepared(folder: Path, zone: str, today: date, calls_a_day: int = 1500) -> str:
    """Write the records into `folder`; returns the part of a reveille.toml that audits them."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("master.db*"):
        old.unlink()
    files = records.write(
        folder, _SEED, zone, last=today - timedelta(days=1), calls_a_day=calls_a_day
    )
    values = {
        "database": files.sqlite.absolute(),
        "queue_log": files.queue_log.absolute(),
        "backups": (folder / "backups").absolute(),
    }
    return "\n" + filled("audit", values)
