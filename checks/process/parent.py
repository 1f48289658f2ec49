"""The daemon's side of a process that does one heavy thing: starts it, follows its stages, ends it.

It gets its job, secrets included, through its standard input, and nothing in its arguments or its
environment. What it tells of the far end becomes `Refused`; a process that dies, or takes too long,
is `CannotTell`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import checks
from checks.contract import CannotTell, Refused, Trace

_ROOT = str(Path(checks.__file__).parent.parent)
_LONGEST_LINE = 1 << 20


async def followed(job: bytes, trace: Trace, within: float, program: str) -> Mapping[str, Any]:
    """What the process (the module `program`) tells in the end. Raises Refused in the stage under
    way, CannotTell.
    """
    log = trace.exhibits_folder / ".process.log"
    reading, writing = os.pipe()
    try:
        process = await _started(program, writing, log)
    except OSError as problem:
        os.close(reading)
        raise CannotTell(f"the process that was to look cannot start: {problem}") from problem
    finally:
        os.close(writing)
    told = asyncio.StreamReader(limit=_LONGEST_LINE)
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(told), os.fdopen(reading, "rb")
    )
    try:
        async with asyncio.timeout(within):
            await _given(process, job)
            return await _stages(told, trace)
    except TimeoutError:
        raise CannotTell(f"not through within {within:g} s") from None
    except _Silence:
        raise CannotTell(await _death(process, log)) from None
    finally:
        pipe.close()
        await _ended(process)
        log.unlink(missing_ok=True)


async def _started(program: str, writing: int, log: Path) -> asyncio.subprocess.Process:
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", program, str(writing), str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=(writing,),
            start_new_session=True,
            cwd="/",
            env=small_environment(HOME="/nonexistent", OPENBLAS_NUM_THREADS="1"),
        )


async def _given(process: asyncio.subprocess.Process, job: bytes) -> None:
    stdin = process.stdin
    if stdin is None:
        raise _Silence
    stdin.write(job)
    with suppress(ConnectionError):  # it died: its silence says so
        await stdin.drain()
    stdin.close()


class _Silence(Exception):
    """The process said no more."""


async def _next(told: asyncio.StreamReader) -> dict[str, Any]:
    line = await told.readline()
    if not line.endswith(b"\n"):
        raise _Silence
    said: dict[str, Any] = json.loads(line)
    return said


async def _stages(told: asyncio.StreamReader, trace: Trace) -> Mapping[str, Any]:
    said = await _next(told)
    while "stage" in said:
        with trace.stage(said["stage"]):
            said = await _next(told)
            _refuse(said, trace)
    _refuse(said, trace)
    return said


def _refuse(said: Mapping[str, Any], trace: Trace) -> None:
    """Raises Refused for a fault, CannotTell for being blind; what was found out until then is
    kept.
    """
    if "blind" in said:
        raise CannotTell(said["blind"])
    if "fault" not in said:
        return
    for name, value in said.get("measures", {}).items():
        trace.measure(name, value)
    for note in said.get("notes", ()):
        trace.note(note)
    raise Refused(said["fault"], said["text"])


async def _death(process: asyncio.subprocess.Process, log: Path) -> str:
    status = await process.wait()
    said = await asyncio.to_thread(log.read_text, encoding="utf-8", errors="replace")
    last = said.strip().splitlines()[-1:]
    return f"the process that was to look ended with status {status}" + (
        f": {last[0][:300]}" if last else ""
    )


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Gone: what it had to tell it has told."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def small_environment(*kept: str, **more: str) -> dict[str, str]:
    """For a process of our own: no credentials, no PGPASSWORD. `kept` are further variables that it
    inherits.
    """
    inherited = {
        name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", *kept) if name in os.environ
    }
    return {**inherited, "PYTHONPATH": _ROOT, **more}
