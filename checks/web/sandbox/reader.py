"""The daemon's side: one process for one job, ended in its time."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import checks
from checks.contract import CannotTell, Refused

_PROGRAM = "checks.web.sandbox.child"
_ROOT = str(Path(checks.__file__).parent.parent)
_WITHIN_SECONDS = 20.0


async def hold_to_schema(document: Any, schema: Any) -> None:
    """Raises Refused with every way in which a document is not as its schema says, and CannotTell."""
    told = await _done({"job": "schema", "schema": schema, "document": document})
    if "bad_schema" in told:
        raise CannotTell(f"the schema itself is wrong: {told['bad_schema']}")
    if told["faults"]:
        first = "; ".join(f"{one['where']}: {one['text']}" for one in told["faults"][:3])
        more = f"; and {told['count'] - 3} more" if told["count"] > 3 else ""
        raise Refused("schema", first + more)


async def elements(html: str, looks: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """What is shown of a page: name -> a text for each element, or its text and attributes. Raises
    CannotTell.
    """
    found: dict[str, list[Any]] = (
        await _done({"job": "elements", "html": html, "looks": list(looks)})
    )["found"]
    return found


async def _done(job: dict[str, Any]) -> dict[str, Any]:
    written = await asyncio.to_thread(lambda: json.dumps(job).encode())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", _PROGRAM, str(os.getpid())),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd="/",
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": _ROOT,
            "HOME": "/nonexistent",
        },
    )
    try:
        async with asyncio.timeout(_WITHIN_SECONDS):
            told, complained = await process.communicate(written)
    except TimeoutError:
        raise CannotTell(f"what came could not be read within {_WITHIN_SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = complained.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise CannotTell(
            f"the reading process ended with {process.returncode}: {''.join(last)[:200]}"
        )
    result: dict[str, Any] = json.loads(told)
    return result
