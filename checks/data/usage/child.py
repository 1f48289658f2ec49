"""The process that reads call records: a job as JSON on standard input, what comes of it as JSON
lines on a private fd.

    {"stage": "connect"} {"stage": "read"} {"stage": "compute"}
    {"fault": "login-refused", "text": "..."}          what was wrong with the source, in the stage
    under way
    {"measures": {...}, "records": n, "usual": n}      the result stands in the file that the job
    names

It runs at low priority, and ends with the daemon (its death signal, and the pipe that nobody
reads).
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

from checks.contract import CannotTell
from checks.data.usage.result import headline, result
from checks.data.usage.source_faults import SourceFault
from checks.data.usage.source_reader import Job, read
from checks.process.child import Tell, telling, tied_to

_NICENESS = 10


def main(told: int, parent: int) -> int:
    """Do the job; the exit code is 0 also where the source is at fault."""
    if not tied_to(parent):
        return 1
    os.nice(_NICENESS)
    # millions of records make no cycles, and looking for them would cost half as much again
    gc.disable()
    plain = json.load(sys.stdin)
    tell = telling(told)
    try:
        tell(**usage(plain, tell))
    except SourceFault as fault:
        tell(fault=fault.code, text=fault.text)
    except CannotTell as own:
        tell(blind=str(own))
    return 0


def usage(plain: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Write the result to the job's file, and give its headline. Raises SourceFault."""
    job = Job.of(plain)
    found = read(job, lambda stage: tell(stage=stage))
    complete = result(job, found)
    Path(plain["result"]).write_text(json.dumps(complete, indent=1), encoding="utf-8")
    offered = [
        one["median"]
        for one in complete["comparison"]["usual"]
        if (one["metric"], one["part"]) == ("offered", None)
    ]
    return {
        "measures": headline(complete),
        "usual": offered[0] if offered else None,
        "zone": job.day.zone,
    }


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
