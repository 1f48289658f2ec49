"""The daemon's side of the worker: starts it, tells it its job, replays what it says into a trace,
ends it.

A worker that dies by a signal or speaks nonsense leaves a fault as well: there is no backup,
whoever is to blame.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any

from checks.contract import CannotTell, Refused, Trace
from checks.data.backup.job import Job
from checks.process.parent import small_environment

_END_SECONDS = 30.0
_LINE_BYTES = 1 << 20
_SAID_CHARACTERS = 800
_PROGRESS_STEP = 10.0


async def converse(
    job: Job, trace: Trace, told: Callable[[Mapping[str, Any]], None] | None = None
) -> None:
    """Have a job done. Raises Refused in the stage under way, CannotTell. `told` hears every event
    as well.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "checks.data.backup.run.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=_LINE_BYTES,
            cwd="/",
            env=small_environment("HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        )
    except OSError as problem:
        raise CannotTell(f"the worker cannot start: {problem.strerror}") from problem
    complaining = asyncio.create_task(_complaints(process))
    try:
        await _send(process, job)
        await _replay(process, trace, told, complaining)
    finally:
        await _put_down(process)
        complaining.cancel()


async def _send(process: asyncio.subprocess.Process, job: Job) -> None:
    assert process.stdin is not None  # noqa: S101 - it was asked for
    with suppress(ConnectionError):  # one that died at once is told by its status
        process.stdin.write(json.dumps(job.to_dict()).encode())
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _replay(
    process: asyncio.subprocess.Process,
    trace: Trace,
    told: Callable[[Mapping[str, Any]], None] | None,
    complaining: asyncio.Task[str],
) -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    done = False
    with ExitStack() as whole:
        stage, name, tenth = whole.enter_context(ExitStack()), "", 0
        while line := await process.stdout.readline():
            event = json.loads(line)
            if told:
                told(event)
            if "begin" in event and event["begin"] != name:
                stage.close()
                name, tenth = event["begin"], 0
                stage.enter_context(trace.stage(name))
            elif event.get("end") == name:
                stage.close()
                name = ""
            elif (
                "progress" in event
                and trace.listener
                and event["progress"] // _PROGRESS_STEP > tenth
            ):
                tenth = event["progress"] // _PROGRESS_STEP
                trace.listener(f"{name} {event['progress']:.0f} %")
            elif "refused" in event:
                raise Refused(event["refused"], event["text"], event["origin"])
            else:
                done = _kept(event, trace) or done
        status = await process.wait()
        if not done:
            raise Refused(
                "worker-died",
                f"{_death(status)}: {await complaining}"[:_SAID_CHARACTERS],
                origin="local",
            )


def _kept(event: Mapping[str, Any], trace: Trace) -> bool:
    """Keep what an event says; True for the last one."""
    if "measure" in event:
        trace.measure(event["measure"], event["value"])
    elif "note" in event:
        trace.note(event["note"])
    return bool(event.get("done"))


async def _complaints(process: asyncio.subprocess.Process) -> str:
    """The end of what it says on standard error."""
    assert process.stderr is not None  # noqa: S101 - it was asked for
    said = ""
    while data := await process.stderr.read(65536):
        said = (said + data.decode(errors="replace"))[-_SAID_CHARACTERS:]
    return " · ".join(line.strip() for line in said.splitlines()[-3:])


async def _put_down(process: asyncio.subprocess.Process) -> None:
    """Ask it to end, then end it; its tools go with it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            continue


def _death(status: int) -> str:
    return (
        f"the worker died of {signal.Signals(-status).name}"
        if status < 0
        else f"the worker ended with {status}"
    )
