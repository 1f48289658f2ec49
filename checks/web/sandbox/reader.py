"""The daemon's side: one process for one job, ended in its time."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from typing import Any

from checks.contract import CannotTell, Failed
from checks.process.parent import answered, python
from checks.transport.faults import TOOK_TOO_LONG
from checks.web.sandbox.child import MOST_CPU_SECONDS

_PROGRAM = "checks.web.sandbox.child"
# A schema with a catastrophic pattern, or a page with a million unclosed elements, would run for
# hours: honest ones take well under a second, the start of Python included.
_WITHIN_SECONDS = 20.0
# 500 elements of 300 letters, written as JSON, twice over; a megabyte of it is read in 20 ms.
_MOST_ANSWERED = 1 << 20


async def hold_to_schema(text: str, schema: Any) -> None:
    """Raises Failed with the ways in which a document breaks its schema, and CannotTell."""
    told = await _done({"job": "schema", "schema": schema}, text)
    if "bad_schema" in told:
        raise CannotTell(f"the schema itself is wrong: {told['bad_schema']}")
    if told["faults"]:
        first = "; ".join(f"{one['where']}: {one['text']}" for one in told["faults"][:3])
        more = f"; and {told['count'] - 3} more" if told["count"] > 3 else ""
        raise Failed("schema", first + more)


async def large_at_paths(text: str, paths: Sequence[str]) -> list[list[Any]]:
    """What stands at each path of a JSON document, the first 500. Raises Failed, CannotTell."""
    found: list[list[Any]] = (await _done({"job": "paths", "paths": list(paths)}, text))["found"]
    return found


async def elements(html: str, looks: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """What is shown of a page: name -> a text for each element, or its text and attributes. Raises
    CannotTell.
    """
    found: dict[str, list[Any]] = (await _done({"job": "elements", "looks": list(looks)}, html))[
        "found"
    ]
    return found


async def _done(job: dict[str, Any], text: str = "") -> dict[str, Any]:
    # The text as it is behind the job: as JSON, 50 MB would hold every other check for a second.
    written = json.dumps(job).encode() + b"\n" + text.encode("utf-8", "replace")
    try:
        answer = await answered(python(_PROGRAM), written, _WITHIN_SECONDS, _MOST_ANSWERED)
    except (TimeoutError, ValueError):
        raise Failed(
            "bad-peer", f"{TOOK_TOO_LONG}: not done within {_WITHIN_SECONDS:g} s"
        ) from None
    except OSError as problem:
        raise CannotTell(
            f"the reading process cannot start: {problem.strerror or problem}"
        ) from problem
    # SIGXCPU, or a library's own way of saying that there is no memory left for what came.
    if answer.status == -signal.SIGXCPU or "MemoryError" in answer.complaint:
        raise Failed(
            "bad-peer", f"{TOOK_TOO_LONG}: more than {MOST_CPU_SECONDS} s of work, or 2 GB"
        )
    if answer.status:
        raise CannotTell(
            f"the reading process ended with {answer.status}: {answer.complaint[:200]}"
        )
    result: dict[str, Any] = json.loads(answer.output)
    if "bad_json" in result:
        raise Failed("bad-json", f"what came is no JSON: {result['bad_json']}")
    return result
