"""The process that looks at records beyond their time and removes them, at low priority (see
process/child.py for what it tells).
"""

from __future__ import annotations

import sys
from typing import Any

from checks.contract import CannotTell
from checks.data.hygiene.cleaning import clean, replay
from checks.data.hygiene.conditions import Run
from checks.data.usage.source_faults import SourceFault
from checks.process.child import job, step_back, telling

# As `nice -n 10`: the table is read while the platform writes to it.
_NICENESS = 10


def main() -> int:
    """Do the job; the exit code is 0 also where a database is at fault."""
    step_back(_NICENESS)
    wanted, tell = job(), telling()
    run = Run(wanted, tell)
    last: dict[str, Any] = {}
    try:
        (replay if wanted["do"] == "replay" else clean)(run)
    except SourceFault as found:
        last = {"fault": found.code, "text": found.text}
    except CannotTell as own:
        last = {"blind": str(own)}
    # What was measured until then is told as well: it says how far the run came.
    for name, value in run.measures.items():
        tell(measure=name, value=value)
    for note in run.notes:
        tell(note=note)
    tell(**last or {"done": {"removed": run.measures.get("records_removed", 0.0)}})
    return 0


if __name__ == "__main__":
    sys.exit(main())
