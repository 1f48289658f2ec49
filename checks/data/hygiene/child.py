"""The process that looks at records beyond their time and removes them. It ends with the daemon.

A job comes as JSON on its standard input; what comes of it goes as JSON lines to a private fd, as
in the process that reads call records.
"""

from __future__ import annotations

import json
import os
import sys

from checks.contract import CannotTell
from checks.data.hygiene.cleaning import Run, clean, replay
from checks.data.usage.source_faults import SourceFault
from checks.process.child import telling, tied_to

_NICENESS = 10


def main(told: int, parent: int) -> int:
    """Do the job; the exit code is 0 also where a database is at fault."""
    if not tied_to(parent):
        return 1
    os.nice(_NICENESS)
    job = json.load(sys.stdin)
    tell = telling(told)
    run = Run(job, tell)
    fault = {}
    try:
        (replay if job["do"] == "replay" else clean)(run)
    except SourceFault as found:
        fault = {"fault": found.code, "text": found.text}
    except CannotTell as own:
        fault = {"blind": str(own)}
    tell(measures=run.measures, notes=run.notes, **fault)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
