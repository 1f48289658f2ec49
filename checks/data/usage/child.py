"""The process that reads call records, at low priority (see process/child.py for what it tells).

{"begin": "connect"} {"begin": "read"} {"begin": "compute"}
{"fault": "login-refused", "text": "..."}          what was wrong with the source, in the stage
under way
{"done": {"offered": n, "usual": n}}               the result stands in the file that the job names
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Any

from checks.contract import CannotTell
from checks.data.usage.result import headline, result
from checks.data.usage.source_faults import SourceFault
from checks.data.usage.source_reader import Job, read
from checks.data.usage.understanding import understood
from checks.process.child import Tell, job, step_back, telling

_NICENESS = 10


def main() -> int:
    """Do the job; the exit code is 0 also where the source is at fault."""
    step_back(_NICENESS)
    # millions of records make no cycles, and looking for them would cost half as much again
    gc.disable()
    plain, tell = job(), telling()
    try:
        tell(done=usage(plain, tell))
    except SourceFault as fault:
        tell(fault=fault.code, text=fault.text)
    except CannotTell as own:
        tell(blind=str(own))
    return 0


def usage(plain: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Write the result to the job's file, and tell its headline. Raises SourceFault."""
    wanted = Job.of(plain)
    found = read(wanted, lambda stage: tell(begin=stage))
    complete = result(wanted, found)
    Path(plain["result"]).write_text(json.dumps(complete, indent=1), encoding="utf-8")
    understood(wanted, found)
    offered = [
        one["median"]
        for one in complete["comparison"]["usual"]
        if (one["metric"], one["part"]) == ("offered", None)
    ]
    measures = headline(complete)
    for name, value in measures.items():
        tell(measure=name, value=value)
    return {"offered": measures["offered_calls"], "usual": offered[0] if offered else None}


if __name__ == "__main__":
    sys.exit(main())
