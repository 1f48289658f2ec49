"""From an observation to a verdict: expectations are data, and a broken one prints its own
evidence.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import isnan

from checks.contract import Fault, Observation

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}
_OWN_SIDE = " (said by our own side)"
# What `_said` and `Expectation.against` write; a code has no comma and no blank (RFC 3261 section
# 21 and its likes give numbers, ours are words).
_SAID = re.compile(
    r"([A-Za-z0-9][^:\n]*): ([^\s,:]+(?::[^\s,]*)?)(?:, (.*?))?( \(said by our own side\))?",
    re.DOTALL,
)
_AGAINST = re.compile(r"[a-z][a-z0-9_]* \(\S+\) (?:<=|>=|==|!=|<|>) -?\S+")
# `<=` stands before `<` among the alternatives, which are tried in order: the shorter one would
# leave a `=` behind.
_FORM = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(<=|>=|==|!=|<|>)\s*(-?\d+(?:\.\d+)?)\s*")


class State(StrEnum):
    """What an attempt says of the thing it looked at."""

    OK = "OK"
    DEGRADED = "DEGRADED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Expectation:
    """`measure comparison bound`, as in `answer_seconds <= 4`."""

    measure: str
    comparison: str
    bound: float

    @classmethod
    def parse(cls, written: str) -> Expectation:
        """Raises ValueError with the right form."""
        match = _FORM.fullmatch(written)
        if not match:
            raise ValueError(
                f"{written!r} is not '<measure> <comparison> <number>', as in 'answer_seconds <= 4'"
            )
        return cls(match[1], match[2], float(match[3]))

    def holds(self, value: float) -> bool:
        """Whether a measured value is as expected."""
        return _COMPARISONS[self.comparison](value, self.bound)

    def __str__(self) -> str:
        return f"{self.measure} {self.comparison} {self.bound:g}"

    def against(self, value: float) -> str:
        """The expectation with its evidence: `answer_seconds (6.2) <= 4`."""
        return f"{self.measure} ({value:.4g}) {self.comparison} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state, why, and (when FAILED) the fault that policies classify by."""

    state: State
    reasons: tuple[str, ...] = ()
    fault: Fault | None = None


def judge(
    seen: Observation, expected: Sequence[Expectation] = (), wished: Sequence[Expectation] = ()
) -> Verdict:
    """A fault or a broken expectation is FAILED, a broken wish or the far end's own warning
    DEGRADED; an expected measure that is missing from an otherwise good attempt is UNKNOWN, never
    OK. NaN counts as not measured.
    """
    if seen.blind is not None:
        return Verdict(State.UNKNOWN, (seen.blind,))
    # NaN compares false with everything: it would break every `<=`, and keep every `!=`, without
    # having been measured.
    if any(map(isnan, seen.measures.values())):
        seen = replace(
            seen,
            measures={name: value for name, value in seen.measures.items() if not isnan(value)},
        )
    if seen.fault is not None:
        return Verdict(State.FAILED, (_said(seen.fault), *_broken(seen, expected)), seen.fault)
    if broken := _broken(seen, expected):
        return Verdict(State.FAILED, broken, _expectation_fault(seen, expected, broken))
    if missing := [e for e in (*expected, *wished) if e.measure not in seen.measures]:
        return Verdict(
            State.UNKNOWN,
            tuple(f"{e.measure} was not measured, so '{e}' cannot be told" for e in missing),
        )
    if broken := (*seen.warnings, *_broken(seen, wished)):
        return Verdict(State.DEGRADED, broken)
    return Verdict(State.OK)


def _broken(seen: Observation, expected: Sequence[Expectation]) -> tuple[str, ...]:
    return tuple(
        e.against(seen.measures[e.measure])
        for e in expected
        if e.measure in seen.measures and not e.holds(seen.measures[e.measure])
    )


def _expectation_fault(
    seen: Observation, expected: Sequence[Expectation], broken: tuple[str, ...]
) -> Fault:
    """The stage is the one whose time was measured, else the measure's own name."""
    first = next(
        e for e in expected if e.measure in seen.measures and not e.holds(seen.measures[e.measure])
    )
    # A measure named after a stage (`answer_seconds` of `answer`) puts the fault on that stage, and
    # so on its layer.
    stages = {f"{stage.name.replace('-', '_')}_seconds": stage.name for stage in seen.stages}
    return Fault(
        stages.get(first.measure, first.measure), f"expected:{first.measure}", "; ".join(broken)
    )


def fault_of(reasons: Sequence[str]) -> Fault | None:
    """The fault of a failed look out of the reasons that were kept of it; None where they name
    none: a blind look, or reasons of another version.
    """
    broken = [reason for reason in reasons if _AGAINST.fullmatch(reason)]
    if broken and broken[0] == reasons[0]:
        measure = broken[0].split(" ", 1)[0]
        return Fault(measure, f"expected:{measure}", "; ".join(broken))
    told = _SAID.fullmatch(reasons[0]) if reasons else None
    if told is None:
        return None
    stage, code, text, own = told.groups(default="")
    return Fault(stage, code, text, "local" if own else "far")


def _said(fault: Fault) -> str:
    # A 408 that our own stack made up and one that the far end sent lead to different people.
    where = "" if fault.origin == "far" else _OWN_SIDE
    return f"{fault.stage}: {fault.code}{', ' + fault.text if fault.text else ''}{where}"
