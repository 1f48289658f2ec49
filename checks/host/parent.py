"""The daemon's side of a look at the host: has it made by a child, or by the service that has the
rights for it; hears it out, and makes its words a trace.

Everything that the process has said stands, also when it was ended for taking too long: the faults,
and what it did not reach. All faults of a look are one fault: the worst names it, its text tells of
the others too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from checks.contract import CannotTell, Failed, Trace
from checks.process.events import Story, followed
from checks.process.parent import python
from checks.process.service_place import installed

SERVICE = installed("hostlooks")
"""looks with the rights for it, where an administrator has installed it (look_service.py); without
it a child of ours looks, with ours"""
# Several faults in one text: what is longer stands in the notes, each fault by itself.
_LONGEST_FAULT = 900
# The process ends its own look before it is ended, so that it can say what it did not reach.
_SPARE_SECONDS = 5.0


async def look(job: Mapping[str, Any], trace: Trace, within: float, worst: Sequence[str]) -> None:
    """Have it looked. Raises Failed with the worst fault first (`worst` gives the order of codes),
    CannotTell.
    """
    whole = {**job, "seconds": max(1.0, within - _SPARE_SECONDS), "monitor": os.getpid()}
    program = SERVICE if SERVICE.is_there() else python("checks.host.child")
    story = await followed(program, whole, trace, within)
    ended = f"the time budget of {within:g} s was over" if story.late else story.broke_off
    _conclude(story, ended, trace, worst)


def _conclude(story: Story, ended: str, trace: Trace, worst: Sequence[str]) -> None:
    not_reached = [
        stage for stage in story.plan if stage not in story.begun[: -1 if ended else None]
    ]
    if ended and story.plan:
        trace.warning(f"not reached: {', '.join(not_reached)} ({ended})")
    if story.faults:
        raise_worst([(fault.stage, fault.code, fault.text) for fault in story.faults], trace, worst)
    if story.blind or (ended and len(not_reached) == len(story.plan)):
        raise CannotTell(story.blind or ended)


def raise_worst(faults: Sequence[tuple[str, str, str]], trace: Trace, worst: Sequence[str]) -> None:
    """Raises Failed: the worst first. Each of several is noted by itself too."""
    order = {code: place for place, code in enumerate(worst)}
    ranked = sorted(faults, key=lambda fault: order.get(fault[1], len(order)))
    stage, code, text = ranked[0]
    if len(ranked) > 1:
        for also in ranked:
            trace.note(f"{also[0]}: {also[1]}: {also[2]}")
        text = "; ".join([text, *(f"{other_code}: {other}" for _, other_code, other in ranked[1:])])
    with trace.stage(stage):
        raise Failed(
            code, text if len(text) <= _LONGEST_FAULT else text[: _LONGEST_FAULT - 1] + "…"
        )
