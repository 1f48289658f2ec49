"""From looks to incidents, in one transaction: record, judge the condition, classify, open or heal,
order the telling.

Rule 1: everything that one look changes is written together or not at all; the outbox sends
afterwards. Rule 2: the ledger is the only memory; nothing here outlives the transaction. Rule 3:
lower looks are settled before the look that asked for them, so that the lowest failing layer owns
the ticket.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from checks.body import Unreadable
from checks.contract import Observation
from monitor.config import CheckEntry, Configuration
from monitor.core import incident_transitions
from monitor.core.condition import (
    Condition,
    Patience,
    Signal,
    blamed,
    recovering,
    released,
    remembering,
    step,
)
from monitor.core.diagnosis import Diagnosis, Finding, Look, diagnose
from monitor.core.failure import Case
from monitor.core.incident import Change, Evidence, Incident, key_of
from monitor.core.maintenance import active
from monitor.core.policy_terms import Classification
from monitor.core.verdict import State, Verdict
from monitor.incidents import store
from monitor.incidents.recipients import BLIND, Telling, due_now
from monitor.ledger import Ledger, Purpose, Transaction

_LOSSES = (("rejected", "offered"), ("agents_missing", "seats"))
"""measures of production loss, with what they are a part of"""
_BAD = (Signal.BROKE, Signal.STILL_BROKEN, Signal.RELAPSED)


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: who was looked at, why, what was seen and what that amounts to."""

    entry: CheckEntry
    purpose: Purpose
    started_at: datetime
    observation: Observation
    verdict: Verdict

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
        told = self.observation.measures
        counted = ((told.get(lost), told.get(of)) for lost, of in _LOSSES)
        return next(
            ((int(lost), int(of)) for lost, of in counted if lost is not None and of), (0, 0)
        )

    def evidence(self, findings: tuple[Finding, ...] = ()) -> Evidence:
        """What it has to show."""
        seen = self.observation
        return Evidence(
            check=self.name,
            kind=self.entry.probe.KIND,
            reasons=self.verdict.reasons,
            stages=tuple((s.name, s.seconds, s.passed) for s in seen.stages),
            exhibits=tuple((e.name, str(e.path)) for e in seen.exhibits),
            findings=findings,
        )


def patience_of(entry: CheckEntry) -> Patience:
    """How patient the configuration is with a check."""
    return Patience(entry.confirm, entry.confirm_after, entry.recover, entry.recheck)


class Settlement:
    """What looks change in the ledger, within one transaction at one moment."""

    def __init__(
        self, ledger: Ledger, t: Transaction, configuration: Configuration, now: datetime
    ) -> None:
        self._ledger, self._t, self._now = ledger, t, now
        self._configuration = configuration
        self._policy = configuration.policy
        self.telling = Telling(ledger, t, configuration, now)

    def settle(self, seen: Seen, below: Sequence[Seen] = (), others: Container[str] = ()) -> None:
        """Settle a look and those below it, from the ground up; those of `others` count, and are
        settled by them.
        """
        by_name = {low.name: low for low in below}
        mine = (low for low in below if low.name not in others)
        for low in sorted(mine, key=lambda s: s.entry.probe.highest_layer()):
            self._settle(low, by_name)
        self._settle(seen, by_name)

    def _settle(self, seen: Seen, by_name: Mapping[str, Seen]) -> None:
        self._t.record(
            seen.name,
            seen.entry.probe.KIND,
            seen.purpose,
            seen.started_at,
            seen.observation,
            seen.verdict,
            muted=self.muted(seen.name),
        )
        self._t.propose(seen.name, seen.observation.proposals, seen.started_at)
        with store.saying_unreadable(seen.name):
            self._judge(seen, by_name)

    def _judge(self, seen: Seen, by_name: Mapping[str, Seen]) -> None:
        was = store.condition_of(self._ledger, seen.name)
        condition, signal = step(was, seen.verdict.state, patience_of(seen.entry), self._now)
        condition = remembering(condition, seen.verdict.state, seen.observation.memory)
        self._keep(condition)
        with store.saying_unreadable(seen.name):
            self._blindness(was, condition, seen)
        if signal in _BAD:
            below = [
                by_name[name] for name in reach(self._configuration, seen.entry) if name in by_name
            ]
            self._bad(seen, condition, signal, below)
        elif signal is Signal.RECOVERED:
            self._recovered(condition, patience_of(seen.entry))

    # -- a confirmed failure
    # ------------------------------------------------------------------------------------

    def _bad(self, seen: Seen, condition: Condition, signal: Signal, below: Sequence[Seen]) -> None:
        case = seen.case()
        if case is None:
            raise ValueError(f"{seen.name}: a failed look without a fault")
        diagnosis = diagnose(case, [(_look(low), low.case()) for low in below])
        found = self._policy.classify(diagnosis.cause)
        incident = self._incident(condition.incident)
        if incident is None:
            self._place(seen, condition, diagnosis, found, below)
        elif seen.name in incident.causes:
            self._again(seen, condition, signal, incident, diagnosis, found, below)
        elif not incident.told and not self._all_muted(incident):
            self.apply(self._tell_now(Change(incident)))

    def _again(
        self,
        seen: Seen,
        condition: Condition,
        signal: Signal,
        incident: Incident,
        diagnosis: Diagnosis,
        found: Classification,
        below: Sequence[Seen],
    ) -> None:
        """It is still broken; unless its looks have come to point elsewhere, the ticket gets the
        newest evidence.
        """
        change = incident_transitions.failed_again(
            incident,
            seen.evidence(diagnosis.findings),
            signal is Signal.RELAPSED,
            condition.flap.flapping,
        )
        worse = found.issue.id == incident.issue and found.severity.rank < incident.severity.rank
        if worse and not incident.classified_by_human:
            change = change.then(
                incident_transitions.reclassified(
                    change.incident, found, self._policy_name(), by=""
                )
            )
        elsewhere = found.issue.id != incident.issue and not incident.classified_by_human
        count = (
            condition.other_in_row + 1
            if elsewhere and condition.other_issue == found.issue.id
            else int(elsewhere)
        )
        self._keep(
            replace(condition, other_issue=found.issue.id if elsewhere else "", other_in_row=count)
        )
        if not elsewhere or count < seen.entry.confirm:
            self.apply(self._tell_now(change))
            return
        self._move(seen, change, diagnosis, found, below)

    def _move(
        self,
        seen: Seen,
        change: Change,
        diagnosis: Diagnosis,
        found: Classification,
        below: Sequence[Seen],
    ) -> None:
        """The trouble turned out to be another one: the same ticket is reclassified, unless that
        one has a ticket.
        """
        was = change.incident
        key = key_of(was.site, found.issue.id)
        if self._ledger.open_incident_by_key(key) is None and was.causes == (seen.name,):
            cause = self._cause(seen, diagnosis, below)
            change = change.then(
                incident_transitions.reclassified(was, found, self._policy_name(), by="")
            )
            moved = replace(
                change.incident, causes=(cause.name,), evidence=cause.evidence(diagnosis.findings)
            )
            change = change.then(Change(moved)).then(
                incident_transitions.hung_on(moved, diagnosis.attached)
            )
            self._blame(cause, seen, self.apply(self._tell_now(change)))
            return
        self.apply(change)
        self.apply(
            incident_transitions.left(
                change.incident, seen.name, f"it turned out as: {found.issue.title}", self._now
            )
        )
        condition = replace(
            store.condition_of(self._ledger, seen.name), incident=None, other_in_row=0
        )
        self._keep(condition)
        self._place(seen, condition, diagnosis, found, below)

    def _place(
        self,
        seen: Seen,
        condition: Condition,
        diagnosis: Diagnosis,
        found: Classification,
        below: Sequence[Seen],
    ) -> None:
        """Put a confirmed failure under its key: join the open incident, reopen the one just
        closed, or open one.
        """
        cause = self._cause(seen, diagnosis, below)
        evidence = cause.evidence(diagnosis.findings)
        change = self._under(found, evidence, condition.bad_since or seen.started_at)
        change = change.then(incident_transitions.hung_on(change.incident, diagnosis.attached))
        self._blame(cause, seen, self.apply(self._tell_now(change)))

    def _under(self, found: Classification, evidence: Evidence, since: datetime) -> Change:
        site = self._configuration.site.name
        key = key_of(site, found.issue.id)
        if row := self._ledger.open_incident_by_key(key):
            return incident_transitions.joined(store.incident_of(row), evidence.check)
        closed = self._ledger.latest_closed(key)
        for last in store.incidents_of([closed] if closed else []):
            if incident_transitions.may_reopen(last, self._now):
                return incident_transitions.reopened(last, evidence)
        return incident_transitions.opened(
            site, found, self._policy_name(), evidence, since, self._now
        )

    def _blame(self, cause: Seen, seen: Seen, incident: Incident) -> None:
        """Tie the checks to their incident; a lower one that is the cause is broken by that."""
        for name in {cause.name, seen.name, *incident.attached}:
            condition = store.condition_of(self._ledger, name)
            if name == cause.name and not condition.bad:
                condition = blamed(condition, self._now, patience_of(cause.entry))
            self._keep(replace(condition, incident=incident.number, other_issue="", other_in_row=0))

    def _cause(self, seen: Seen, diagnosis: Diagnosis, below: Sequence[Seen]) -> Seen:
        return next((low for low in below if low.name == diagnosis.cause.check), seen)

    # -- recovery and blindness
    # ---------------------------------------------------------------------------------

    def _recovered(self, condition: Condition, patience: Patience) -> None:
        try:
            incident = self._incident(condition.incident)
        except Unreadable:  # its recovery waits for a program that can read its ticket
            self._keep(recovering(condition, patience, self._now))
            raise
        self._keep(replace(condition, incident=None, other_issue="", other_in_row=0))
        if incident is not None:
            self.apply(
                incident_transitions.left(
                    incident, condition.check, f"{condition.check} has recovered", self._now
                )
            )

    def _blindness(self, was: Condition, now: Condition, seen: Seen) -> None:
        """Too many looks in a row that could not tell: one incident per site says that the monitor
        is blind.
        """
        key = key_of(self._configuration.site.name, BLIND)
        row = self._ledger.open_incident_by_key(key)
        if now.blind and (row is None or now.check not in store.incident_of(row).causes):
            found = self._policy.reclassified(BLIND)
            change = self._under(found, seen.evidence(), was.looked_at or seen.started_at)
            self.apply(self._tell_now(change))
        elif row is not None and not now.blind:
            self.apply(
                incident_transitions.left(
                    store.incident_of(row), now.check, f"{now.check} can be told again", self._now
                )
            )

    # -- what every change goes through
    # -------------------------------------------------------------------------

    def muted(self, check: str) -> bool:
        """Whether a maintenance hides a check now."""
        return active(self._configuration.maintenance, check, self._now) is not None

    def _all_muted(self, incident: Incident) -> bool:
        return all(self.muted(check) for check in incident.causes)

    def _tell_now(self, change: Change) -> Change:
        """An incident that nobody heard of is told, unless a maintenance hides all that causes it."""
        if change.incident.told or self._all_muted(change.incident):
            return change
        told = replace(change.incident, counts_from=self._now)
        due = due_now(self._configuration, told, self._now)
        levels = (due.tell.level.number,) if due.tell else ()
        passed = tuple(rung.level.number for rung in (*due.skipped, *due.empty))
        return change.then(incident_transitions.unmuted(told, self._now, levels, passed))

    def apply(self, change: Change) -> Incident:
        """Store a change and order what it tells; what hung on an incident that is over is set
        free.
        """
        change = store.keep_change(self._t, change, self._now)
        incident = change.incident
        self.telling.tell(incident, change.orders)
        if not incident.open:
            for name, condition in store.conditions(self._ledger).items():
                if condition.incident == incident.number and name not in incident.causes:
                    self._keep(released(condition, self._now))
        return incident

    def _incident(self, number: int | None) -> Incident | None:
        row = self._ledger.incident(number) if number is not None else None
        incident = store.incident_of(row) if row else None
        return incident if incident and incident.open else None

    def _keep(self, condition: Condition) -> None:
        store.keep_condition(self._t, condition)

    def _policy_name(self) -> str:
        return f"{self._policy.name} {self._policy.version}"


def reach(configuration: Configuration, entry: CheckEntry) -> tuple[str, ...]:
    """Every check that stands below one, by its `diagnose` and theirs; nearest first."""
    found: dict[str, None] = {}
    waiting = list(entry.diagnose)
    while waiting:
        name = waiting.pop(0)
        if name not in found and name != entry.name:
            found[name] = None
            waiting.extend(configuration.checks[name].diagnose)
    return tuple(found)


def _look(seen: Seen) -> Look:
    text = "; ".join(seen.verdict.reasons) or f"good within {seen.observation.seconds:.3f} s"
    return Look(seen.name, seen.entry.probe.highest_layer(), seen.verdict.state, text)
