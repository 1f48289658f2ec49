"""One cause for one failure: the lowest failing layer, and what hangs on it.

When a check fails, the checks that it stands on are looked at at once. The lowest one that fails is
the cause. What could not be looked at is said, never counted as good or bad.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from checks.contract import Layer
from monitor.core.failure import Case
from monitor.core.verdict import State

NOT_LOOKED_AT = "could not be looked at"


@dataclass(frozen=True, slots=True)
class AttemptSummary:
    """One check looked at for a diagnosis: the layer that it proves or broke at, its verdict, and
    why.
    """

    check: str
    layer: Layer
    state: State
    text: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis, as data."""

    layer: Layer
    check: str
    state: State
    text: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The case to classify, what was found from the ground up, and the failing checks that hang on
    the cause.
    """

    cause: Case
    findings: tuple[Finding, ...]
    attached: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    """checks that could not be looked at: below the cause, the cause may lie deeper"""


def diagnose(failing: Case, looks: Sequence[tuple[AttemptSummary, Case | None]] = ()) -> Diagnosis:
    """The diagnosis of a failing case; each look comes with its own case if it failed.

    A look that fails at the same layer goes before the original: the configuration says that it
    stands below.
    """
    failed = [case for look, case in looks if case is not None and look.state is State.FAILED]
    # `min` gives the first of equals, and the original stands last: at the same layer the look
    # below is the cause.
    cause = min((*failed, failing), key=lambda case: case.layer)
    original = Finding(failing.layer, failing.check, State.FAILED, said(failing))
    findings = (*(_finding(look, case) for look, case in looks), original)
    return Diagnosis(
        cause=cause,
        findings=tuple(sorted(findings, key=lambda finding: finding.layer)),
        attached=_attached(cause, failing, failed),
        unseen=tuple(look.check for look, _ in looks if look.state is State.UNKNOWN),
    )


def _finding(look: AttemptSummary, case: Case | None) -> Finding:
    # A lower check that could not look neither clears its layer nor accuses it; the ticket says
    # that it is not known.
    if look.state is State.UNKNOWN:
        return Finding(
            look.layer, look.check, look.state, ": ".join(filter(None, (NOT_LOOKED_AT, look.text)))
        )
    layer = case.layer if case and look.state is State.FAILED else look.layer
    return Finding(layer, look.check, look.state, look.text or (said(case) if case else ""))


def _attached(cause: Case, failing: Case, failed: Sequence[Case]) -> tuple[str, ...]:
    """The original unless it is the cause, and whatever else failed above the cause."""
    above = [case.check for case in failed if case.layer > cause.layer]
    own = [] if cause is failing else [failing.check]
    return tuple(check for check in dict.fromkeys((*own, *above)) if check != cause.check)


def said(case: Case) -> str:
    """Stage, code and text of a case on one line."""
    head = ": ".join(filter(None, (case.stage, case.code)))
    return ", ".join(filter(None, (head, case.text)))
