"""A fault in plain words: what happened, of what, and what was measured.

Rule: what a check looks at is asked of the configuration when somebody reads, and is kept nowhere;
a check that is no longer configured is called by its name.
"""

from __future__ import annotations

from checks.contract import Check, Fault
from checks.messages import without_password
from checks.target import shortened
from monitor.config import CheckEntry, Configuration
from monitor.core.incident import Evidence
from monitor.core.verdict import Verdict, fault_of
from reports.fault_sentence import FaultSeen
from reports.render import fault_sentence


def verdict_words(entry: CheckEntry, verdict: Verdict) -> str:
    """Why a look went as it did: the sentence of its fault, else its reasons."""
    return words_of(entry.name, entry.probe, verdict)


def words_of(name: str, probe: Check, verdict: Verdict) -> str:
    """The same of a check that is given by its name and its settings."""
    fault = verdict.fault
    if fault is None:
        return "; ".join(verdict.reasons)
    return sentence(probe.KIND, fault, name, target_of(probe))


def evidence_words(configuration: Configuration, evidence: Evidence) -> str:
    """What a ticket is about, in one sentence; its first reason where that is no fault, and "" for
    none.
    """
    # Somebody's own words are no reason of a look, whatever they look like.
    fault = fault_of(evidence.reasons) if evidence.check else None
    if fault is None:
        return evidence.reasons[0] if evidence.reasons else ""
    target = evidence_target(configuration, evidence)
    return sentence(evidence.kind, fault, evidence.check, target)


def evidence_target(configuration: Configuration, evidence: Evidence) -> str:
    """What its check looks at; "" where the configuration has the check no more."""
    entry = configuration.checks.get(evidence.check)
    still = entry is not None and evidence.kind == entry.probe.KIND
    return target_of(entry.probe) if entry and still else ""


def sentence(kind: str, fault: Fault, check: str, target: str = "") -> str:
    """The sentence of a fault, by the template of its code; without a target it names the check."""
    return fault_sentence(
        FaultSeen(kind, fault.stage, fault.code, fault.text, target, check, fault.origin == "local")
    )


def target_of(probe: Check) -> str:
    """What a check looks at, without any secret; "" where its settings do not say."""
    return shortened(without_password(probe.target()))
