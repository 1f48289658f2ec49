"""The daemon's side: one process for one job, ended in its time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from checks.contract import CannotTell, Failed
from checks.process.parent import answered, python

_PROGRAM = "checks.web.sandbox.child"
# A schema with a catastrophic pattern, or a page with a million unclosed elements, would run for
# hours: honest ones take well under a second, the start of Python included.
_WITHIN_SECONDS = 20.0


async def hold_to_schema(document: Any, schema: Any) -> None:
    """Raises Failed with the ways in which a document breaks its schema, and CannotTell."""
    told = await _done({"job": "schema", "schema": schema, "document": document})
    if "bad_schema" in told:
        raise CannotTell(f"the schema itself is wrong: {told['bad_schema']}")
    if told["faults"]:
        first = "; ".join(f"{one['where']}: {one['text']}" for one in told["faults"][:3])
        more = f"; and {told['count'] - 3} more" if told["count"] > 3 else ""
        raise Failed("schema", first + more)


async def elements(html: str, looks: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """What is shown of a page: name -> a text for each element, or its text and attributes. Raises
    CannotTell.
    """
    found: dict[str, list[Any]] = (
        await _done({"job": "elements", "html": html, "looks": list(looks)})
    )["found"]
    return found


async def _done(job: dict[str, Any]) -> dict[str, Any]:
    # A page of 50 MB takes seconds to be written as JSON, in which no other check would be served.
    written = await asyncio.to_thread(lambda: json.dumps(job).encode())
    try:
        answer = await answered(python(_PROGRAM), written, _WITHIN_SECONDS)
    except TimeoutError:
        raise CannotTell(f"what came could not be read within {_WITHIN_SECONDS:g} s") from None
    except OSError as problem:
        raise CannotTell(
            f"the reading process cannot start: {problem.strerror or problem}"
        ) from problem
    if answer.status:
        raise CannotTell(
            f"the reading process ended with {answer.status}: {answer.complaint[:200]}"
        )
    result: dict[str, Any] = json.loads(answer.output)
    return result
