"""What a child tells, made into a trace: the one vocabulary of events (child.py lists it), heard
until the last.

Everything that it has said stands, also when it was ended for taking too long. What it tells of the
far end is a fault; its own death, and taking too long, say nothing of the far end and are left to
whoever asked: `concluded` makes them CannotTell.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.contract import CannotTell, Failed, Trace
from checks.process.parent import Child, Program, running
from checks.process.service import Asked, asking
from checks.process.service_place import Service

# A terminal is told of every tenth: a line for each percent of a long restore would scroll
# everything else away.
_PROGRESS_PERCENT = 10.0
_COMPLAINT_LINES = 3
_NO_START = "its process cannot start"
# The last lines of a Python traceback, or of psql's complaint with its hint, fit; more makes a
# ticket unreadable.
_LONGEST_COMPLAINT = 600

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToldFault:
    """A fault as the child told it; `began` is when its stage did, in seconds since the attempt
    began."""

    stage: str
    code: str
    text: str
    origin: str
    began: float


@dataclass(slots=True)
class Story:
    """What a child has told, and how it ended."""

    plan: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    faults: list[ToldFault] = field(default_factory=list)
    blind: str | None = None
    done: Told | None = None
    """what it handed over with its last word; None where it never came to that"""
    under_way: tuple[str, float] | None = None
    """the stage that was not ended, and when it began"""
    broke_off: str = ""
    """why it is not whole: "not through within 5 s", or how the process died"""
    late: bool = False


async def followed(
    program: Program | Service,
    job: Told,
    trace: Trace,
    within: float | None,
    heard: Callable[[Told], None] | None = None,
    patience: float = 0.0,
) -> Story:
    """Have a job done, at most so many seconds (None: whoever awaits this sets the limit).

    `heard` is told of every event as well; `patience` is how long a child that is to end early may
    take for it. Raises CannotTell where it cannot start.
    """
    story = Story()
    try:
        started = (
            asking(program, within)
            if isinstance(program, Service)
            else running(program, within, patience)
        )
        async with started as child:
            await child.give(json.dumps(job).encode())
            await _hear(child, trace, story, heard)
            if story.done is None:
                story.broke_off = story.broke_off or _death(await child.wait(), child)
    except TimeoutError:
        story.late, story.broke_off = True, f"not through within {within or 0:g} s"
    except OSError as problem:
        whose = f"{program.path} cannot be asked" if isinstance(program, Service) else _NO_START
        raise CannotTell(f"{whose}: {problem.strerror or problem}") from problem
    return story


def concluded(story: Story, trace: Trace) -> Told:
    """What the child handed over. Raises Failed with its fault, in that stage; CannotTell."""
    # The first fault is the cause; what broke after it mostly broke because of it.
    for fault in story.faults[:1]:
        trace.broke(fault.stage)
        trace.staged(fault.stage, fault.began, trace.elapsed() - fault.began, passed=False)
        raise Failed(fault.code, fault.text, "local" if fault.origin == "local" else "far")
    if story.blind is not None or story.done is None:
        broken_in(story, trace)
        raise CannotTell(story.blind or story.broke_off)
    return story.done


def broken_in(story: Story, trace: Trace) -> None:
    """The stage under way is the one that broke."""
    if story.under_way is not None:
        name, began = story.under_way
        trace.broke(name)
        trace.staged(name, began, trace.elapsed() - began, passed=False)


async def _hear(
    child: Child | Asked, trace: Trace, story: Story, heard: Callable[[Told], None] | None
) -> None:
    tenth = 0.0
    while story.done is None:
        try:
            if not (line := await _line(child)):
                return
            event: dict[str, Any] = json.loads(line)
        except ValueError:
            # A library that writes to descriptor 1 by itself, a line that was cut by a full disk,
            # or one that is longer than any of ours.
            story.broke_off = "its process spoke nonsense"
            return
        if heard:
            heard(event)
        if "begin" in event or "end" in event:
            tenth = 0.0
            _turn(event, trace, story)
        elif "progress" in event:
            if (
                trace.listener
                and story.under_way
                and event["progress"] // _PROGRESS_PERCENT > tenth
            ):
                tenth = event["progress"] // _PROGRESS_PERCENT
                trace.listener(f"{story.under_way[0]} {event['progress']:.0f} %")
        else:
            _keep(event, trace, story)


async def _line(child: Child | Asked) -> bytes:
    """The next whole line; empty for one without its end, since the process died over it."""
    line = await child.output.readline()
    return line if line.endswith(b"\n") else b""


def _turn(event: Told, trace: Trace, story: Story) -> None:
    """A stage begins or ends; one that is begun twice goes on."""
    name = event.get("begin") or event["end"]
    same = story.under_way is not None and story.under_way[0] == name
    if ("begin" in event) == same:
        return
    _close(trace, story)
    if "begin" in event:
        story.under_way = (name, trace.begun(name))
        story.begun.append(name)


def _close(trace: Trace, story: Story) -> None:
    if story.under_way is not None:
        name, began = story.under_way
        if not any(fault.began == began and fault.stage == name for fault in story.faults):
            trace.staged(name, began, trace.elapsed() - began)
        story.under_way = None


def _keep(event: Told, trace: Trace, story: Story) -> None:
    value = event.get("value")
    if "measure" in event:
        trace.measure(event["measure"], float(event["value"]))
    elif "note" in event:
        trace.note(event["note"])
    elif "warning" in event:
        trace.warning(event["warning"])
    elif "fault" in event:
        # A child may find its fault before it has begun a stage: a settings file that is not there.
        stage, began = story.under_way or ("look", trace.elapsed())
        story.faults.append(
            ToldFault(stage, event["fault"], event["text"], event.get("origin", "far"), began)
        )
    elif "remember" in event:
        trace.remember(event["remember"], value)
    elif "propose" in event:
        trace.propose(event["propose"], value)
    elif "plan" in event:
        story.plan = event["plan"]
    elif "blind" in event:
        story.blind = event["blind"]
    elif "done" in event:
        if story.blind is None and not story.faults:
            _close(trace, story)
        story.done = event["done"]


def _death(status: int, child: Child | Asked) -> str:
    how = f"died of {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    said = child.complaint(_COMPLAINT_LINES)[-_LONGEST_COMPLAINT:]
    return f"its process {how}" + (f": {said}" if said else "")
