"""The daemon's side of a look at the host: starts the process, hears it out, and makes its words a
trace.

Everything that the process has said stands, also when it was ended for taking too long: the faults,
and what it did not reach. All faults of a look are one fault: the worst names it, its text tells of
the others too.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from checks.contract import CannotTell, Refused, Trace
from checks.process.parent import small_environment

_LONGEST_LINE = 16 << 20
_LONGEST_FAULT = 900
_LAST_WORDS = 600
_SPARE_SECONDS = 5.0


@dataclass(slots=True)
class Heard:
    """What the process has said."""

    plan: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    faults: list[tuple[str, str, str]] = field(default_factory=list)
    """stage, code, text"""
    warnings: int = 0
    blind: str | None = None
    done: bool = False


async def look(job: Mapping[str, Any], trace: Trace, within: float, worst: Sequence[str]) -> None:
    """Have it looked. Raises Refused with the worst fault first (`worst` gives the order of codes),
    CannotTell.
    """
    heard = Heard()
    process = await _started()
    complaining = asyncio.create_task(_complaints(process))
    ended = ""
    try:
        async with asyncio.timeout(within):
            await _given(process, {**job, "seconds": max(1.0, within - _SPARE_SECONDS)})
            await _hear(process, trace, heard)
            if not heard.done:
                status = await process.wait()
                ended = f"the looking process ended with status {status}: {await complaining}"
    except TimeoutError:
        ended = f"the time budget of {within:g} s was over"
    finally:
        await _put_down(process)
        complaining.cancel()
    _conclude(heard, ended, trace, worst)


def _conclude(heard: Heard, ended: str, trace: Trace, worst: Sequence[str]) -> None:
    not_reached = [
        stage for stage in heard.plan if stage not in heard.begun[: -1 if ended else None]
    ]
    if ended and heard.plan:
        trace.warning(f"not reached: {', '.join(not_reached)} ({ended})")
    if heard.faults:
        raise_worst(heard.faults, trace, worst)
    if heard.blind or (ended and len(not_reached) == len(heard.plan)):
        raise CannotTell(heard.blind or ended)


def raise_worst(faults: Sequence[tuple[str, str, str]], trace: Trace, worst: Sequence[str]) -> None:
    """Raises Refused: the worst first. Each of several is noted by itself too."""
    order = {code: place for place, code in enumerate(worst)}
    ranked = sorted(faults, key=lambda fault: order.get(fault[1], len(order)))
    stage, code, text = ranked[0]
    if len(ranked) > 1:
        for also in ranked:
            trace.note(f"{also[0]}: {also[1]}: {also[2]}")
        text = "; ".join([text, *(f"{other_code}: {other}" for _, other_code, other in ranked[1:])])
    with trace.stage(stage):
        raise Refused(
            code, text if len(text) <= _LONGEST_FAULT else text[: _LONGEST_FAULT - 1] + "…"
        )


async def _started() -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "checks.host.child", str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=_LONGEST_LINE,
            cwd="/",
            env=small_environment(HOME="/nonexistent"),
        )
    except OSError as problem:
        raise CannotTell(f"the looking process cannot start: {problem.strerror}") from problem


async def _given(process: asyncio.subprocess.Process, job: Mapping[str, Any]) -> None:
    assert process.stdin is not None  # noqa: S101 - it was asked for
    with suppress(ConnectionError):  # one that died at once is told by its status
        process.stdin.write(json.dumps(job).encode())
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _hear(process: asyncio.subprocess.Process, trace: Trace, heard: Heard) -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    began, faults = 0.0, 0
    while line := await process.stdout.readline():
        event: dict[str, Any] = json.loads(line)
        if "begin" in event:
            began, faults = trace.elapsed(), len(heard.faults)
            heard.begun.append(event["begin"])
            if trace.listener:
                trace.listener(event["begin"])
        elif "end" in event:
            if len(heard.faults) == faults:
                trace.staged(event["end"], began, trace.elapsed() - began)
        else:
            _keep(event, trace, heard)


def _keep(event: Mapping[str, Any], trace: Trace, heard: Heard) -> None:
    value = event.get("value")
    if "measure" in event:
        trace.measure(event["measure"], float(event["value"]))
    elif "note" in event:
        trace.note(event["note"])
    elif "warning" in event:
        trace.warning(event["warning"])
    elif "fault" in event:
        heard.faults.append(
            (heard.begun[-1] if heard.begun else "look", event["fault"], event["text"])
        )
    elif "remember" in event:
        trace.remember(event["remember"], value)
    elif "propose" in event:
        trace.propose(event["propose"], value)
    elif "plan" in event:
        heard.plan = event["plan"]
    elif "blind" in event:
        heard.blind = event["blind"]
    elif "done" in event:
        heard.done = True


async def _complaints(process: asyncio.subprocess.Process) -> str:
    """The end of what it says on standard error."""
    assert process.stderr is not None  # noqa: S101 - it was asked for
    said = ""
    while data := await process.stderr.read(65536):
        said = (said + data.decode(errors="replace"))[-_LAST_WORDS:]
    return " ".join(said.splitlines()[-1:])


async def _put_down(process: asyncio.subprocess.Process) -> None:
    """End it and the tools that it runs: they are of its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
