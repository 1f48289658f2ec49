"""Does an API answer, soon enough, with what those who integrate rely on? A call, or several that
belong together.

    each step, by its name:
    dns connect tls   as for a portal                       faults: dns, refused, expired, …
    response          > GET /api/v1/customers/C-1042        faults: http:401, http:503, closed, …
                      > Authorization: Bearer …
                      < 200 OK
    content           < {"id": "C-1042", "tier": "gold"}    faults: broken-off, too-large
    looking           texts, values at JSON paths, the      faults: missing-text, bad-json,
                      JSON Schema                                   json-missing, json-differs,
                                                                    schema
    any of them                                             fault:  timeout

Rules: see checks/web/steps/step_runner.py. Credentials are named, never written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from checks.contract import Check, Layer, Trace
from checks.kind import Duty
from checks.web.step_kinds import AFTERWARDS_SECONDS, Walked


class Api(Walked, Check):
    """Calls an API and compares what it answers."""

    KIND: ClassVar[str] = "api"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "integration"
    PROGRAMS: ClassVar[bool] = True
    SAMPLE: ClassVar[str] = """
# With a JSON Schema beside this file it is held to that: json_schema = "customer.schema.json"
[checks.crm-api]
kind = "api"
every = "5m"
url = "https://crm.example.net/api/v1/"
secrets = { key = { credential = "crm" } }

[[checks.crm-api.steps]]
name = "customer"
url = "customers/C-1042"
headers = { Authorization = "Bearer {key}" }
json_values = { "$.tier" = "gold" }
"""

    def measures(self) -> Mapping[str, str]:
        """The phases of each call, and the whole."""
        return {**self.walk_measures(), "total_seconds": "everything, in seconds"}

    def longest_seconds(self) -> float:
        """The time limit, reading by the schema, and a logout."""
        return self.within + AFTERWARDS_SECONDS + 2.0

    async def probe(self, trace: Trace) -> None:
        """Make the calls once. Raises Failed, CannotTell."""
        await self.last_answer(trace)
        trace.measure("total_seconds", trace.elapsed())
