"""The matrix of far-end faults: each row breaks one thing, looks at it as the daemon would, and
says what must be seen.

A row is right when the verdict is FAILED with one of the expected stages and codes, and the policy
makes the expected issue of it. What the probe itself could not tell (UNKNOWN: a machine that is
busy), or saw while the machine was short of CPU (the far ends run on it too), is looked at again,
twice at most; the table says so.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from checks.contract import Check, Observation
from checks.telephony.options import SipOptions
from monitor import policies
from monitor.core.failure import Case
from monitor.core.policy import Policy
from monitor.core.verdict import Expectation, State, Verdict, judge

IVR, AGENTS, PRI, INTERNET = "ivr-not-working", "calls-not-routing", "pri-down", "internet-down"
TRIES = 3
_STRAIN = {"probe_late_seconds": 0.15, "probe_stall_seconds": 0.15, "probe_wait_percent": 10.0}


@dataclass(frozen=True, slots=True)
class Looked:
    """What a row's look gave, and the expectations it was made with."""

    check: Check
    seen: Observation
    expect: tuple[str, ...] = ()


NOTHING = Verdict(State.UNKNOWN, ("no far end started",))
Look = Callable[[Path], Awaitable[Looked]]


@dataclass(frozen=True, slots=True)
class Row:
    """One far-end fault. `stage` and `code` may name several, with `|` between."""

    name: str
    peer: str
    stage: str
    code: str
    issue: str
    look: Look

    @property
    def expected(self) -> str:
        """As the table shows it."""
        return f"{self.stage}: {self.code} -> {self.issue}"


@dataclass(frozen=True, slots=True)
class Result:
    """A row and what was seen."""

    row: Row
    verdict: Verdict
    issue: str
    layer: str
    seconds: float
    text: str
    tries: int

    @property
    def passed(self) -> bool:
        """Whether the fault went by unseen."""
        return self.verdict.state in (State.OK, State.DEGRADED)

    @property
    def told(self) -> bool:
        """Whether the probe could tell at all."""
        return self.verdict.state is not State.UNKNOWN

    @property
    def right(self) -> bool:
        """Right stage, right code, right issue."""
        fault = self.verdict.fault
        if self.verdict.state is not State.FAILED or fault is None:
            return False
        named = fault.stage in self.row.stage.split("|") and fault.code in self.row.code.split("|")
        return named and self.issue == self.row.issue

    @property
    def seen(self) -> str:
        """As the table shows it."""
        fault = self.verdict.fault
        if fault is None:
            return f"{self.verdict.state.name} {self.text[:90]}".strip()
        return f"{fault.stage}: {fault.code} -> {self.issue} ({self.layer})"


async def result_of(row: Row, folder: Path, policy: Policy, tries: int = TRIES) -> Result:
    """Look, and again while the probe cannot tell."""
    looked, verdict = (
        Looked(SipOptions(host="nobody.invalid"), Observation(blind="no far end started")),
        NOTHING,
    )
    for tried in range(1, tries + 1):
        own = folder / f"{re.sub(r'[^a-zA-Z0-9]+', '-', row.name)}-{tried}"
        own.mkdir(parents=True)
        try:
            looked = await row.look(own)
        except (
            TimeoutError,
            OSError,
        ) as problem:  # a port was taken, or SIPp had no CPU for ten seconds
            print(f"{row.name}: the far end did not start: {problem}", flush=True)
            continue
        verdict = judge(looked.seen, [Expectation.parse(text) for text in looked.expect])
        if verdict.state is not State.UNKNOWN and (tried == tries or not is_strained(looked.seen)):
            break
        if tried < tries:
            print(
                f"{row.name}: looked at again:"
                f" {looked.seen.blind or 'far end and probe had too little CPU'}",
                flush=True,
            )
    fault, issue, layer = verdict.fault, "", ""
    if verdict.state is State.FAILED and fault:
        of = looked.check.layer_of(fault.stage)
        case = Case(looked.check.KIND, fault.stage, fault.code, row.name, layer=of)
        issue, layer = policy.classify(case).issue.id, of.name.lower()
    text = (fault.text if fault else None) or looked.seen.blind or "; ".join(verdict.reasons)
    return Result(row, verdict, issue, layer, looked.seen.seconds, text or "", tried)


def is_strained(seen: Observation) -> bool:
    """Whether the machine, and so the far end too, had so little CPU that what was heard may not be
    what was meant.
    """
    return any(seen.measures.get(name, 0.0) > limit for name, limit in _STRAIN.items())


def ozonetel() -> Policy:
    """The shipped policy that the rows' issues are of."""
    return policies.load("ozonetel")


def counts(results: Sequence[Result]) -> tuple[int, int, int]:
    """How many passed unseen, were right, could not be told."""
    return (
        sum(result.passed for result in results),
        sum(result.right for result in results),
        sum(not result.told for result in results),
    )
