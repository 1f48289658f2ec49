"""One attempt with its verdict, as everything after it takes it: the case, the evidence, the loss
that it counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from checks.contract import Observation
from monitor.config import CheckEntry
from monitor.core.condition import Patience
from monitor.core.diagnosis import AttemptSummary, Finding
from monitor.core.failure import Case
from monitor.core.incident import Evidence
from monitor.core.verdict import State, Verdict
from monitor.ledger import Purpose

# The measures by which checks count lost production, each with the measure that it is a part of.
_LOSSES = (("calls", "rejected", "offered"), ("agents", "agents_missing", "seats"))


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """One look: who was looked at, why, what was seen and what that amounts to."""

    entry: CheckEntry
    purpose: Purpose
    started_at: datetime
    observation: Observation
    verdict: Verdict
    often: str = ""
    """that it is broken by many of its last looks, where it is not by a row"""

    @property
    def name(self) -> str:
        return self.entry.name

    def case(self) -> Case | None:
        """What a policy classifies, if it failed."""
        fault, probe = self.verdict.fault, self.entry.probe
        if self.verdict.state is not State.FAILED or fault is None:
            return None
        layer, component = probe.layer_of(fault.stage), self.entry.component
        return Case(
            probe.KIND,
            fault.stage,
            fault.code,
            self.name,
            component,
            layer,
            fault.text,
            *self.loss(),
        )

    def loss(self) -> tuple[int, int]:
        """How much production was lost, of how much, where the look counted it: calls of those
        offered, or seats.
        """
        _, lost, of = lost_of(self.observation)
        return lost, of

    def evidence(self, findings: tuple[Finding, ...] = ()) -> Evidence:
        """What the look has to show, for a ticket."""
        seen, case, (lost, of) = self.observation, self.case(), self.loss()
        return Evidence(
            check=self.name,
            kind=self.entry.probe.KIND,
            reasons=(*self.verdict.reasons, *filter(None, [self.often])),
            stages=tuple((s.name, s.seconds, s.passed) for s in seen.stages),
            exhibits=tuple((e.name, str(e.path)) for e in seen.exhibits),
            findings=findings,
            layer=case.layer if case else None,
            lost=lost,
            of=of,
        )


def lost_of(seen: Observation) -> tuple[str, int, int]:
    """Of what a look counted the loss ("calls", "agents"), how much was lost, and of how much;
    "" and 0 of 0 where it counted none.
    """
    told = seen.measures
    counted = ((what, told.get(lost), told.get(of)) for what, lost, of in _LOSSES)
    # Nothing offered is no loss: a night without calls must not read as "all calls lost".
    return next(
        ((what, int(lost), int(of)) for what, lost, of in counted if lost is not None and of),
        ("", 0, 0),
    )


def patience_of(entry: CheckEntry) -> Patience:
    """How patient the configuration is with a check."""
    return Patience(entry.confirm, entry.confirm_after, entry.recover, entry.recheck)


def summary_of(seen: AttemptResult) -> AttemptSummary:
    """The attempt as a diagnosis takes it."""
    text = "; ".join(seen.verdict.reasons) or f"good within {seen.observation.seconds:.3f} s"
    return AttemptSummary(seen.name, seen.entry.probe.highest_layer(), seen.verdict.state, text)
