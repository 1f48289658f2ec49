"""What a morning audit has to look at: call records of four weeks and a day, and a database to back
up and to restore.

The records end with the day before `today`, whose calls are as plausible as the others'.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

from lab import records

_SEED = 5
_SECTION = """\

[checks.yesterdays-usage]         # what the call records say of the day before
kind = "usage"
records = {{ sqlite = {database} }}
queue_log = {{ file = {queue_log} }}
trunks = ["PJSIP/trunk-*"]

[checks.records-backup]           # a backup is one when it has been restored and found equal
kind = "backup"
engine = "sqlite"
path = {database}
folder = {backups}
newest_record = "SELECT max(start) FROM cdr"

[audit]                           # every morning; `reveille audit` makes it now
at = "04:00"
to = ["operations@example.net"]
checks = ["yesterdays-usage", "records-backup"]
"""


def prepared(folder: Path, zone: str, today: date, calls_a_day: int = 1500) -> str:
    """Write the records into `folder`; returns the part of a reveille.toml that audits them."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("master.db*"):
        old.unlink()
    files = records.write(
        folder, _SEED, zone, last=today - timedelta(days=1), calls_a_day=calls_a_day
    )
    return _SECTION.format(
        database=_text(files.sqlite),
        queue_log=_text(files.queue_log),
        backups=_text(folder / "backups"),
    )


def _text(path: Path) -> str:
    return json.dumps(str(path.absolute()), ensure_ascii=False)
