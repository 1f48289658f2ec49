"""A working contact centre on 127.0.0.1 to practise on: PBX with IVR, queue and agents, portals,
mailbox.

    async with Lab(folder) as lab:
        lab.break_("ivr-silent")

`python -m lab FOLDER [--break FAULT]` runs one in the foreground; lab.control talks to it from
elsewhere.
"""

# reveille-monitor: whose package this is (monitor/start.py looks for this line)

from __future__ import annotations

from lab.centre import Lab, run
from lab.injected_faults import FAULTS, UnknownFault

__all__ = ["FAULTS", "Lab", "UnknownFault", "run"]
