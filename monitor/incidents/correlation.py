"""From looks to incidents, in one transaction: record, judge the condition, classify, open or heal,
order the telling.

Rule 1: everything that one look changes is written together or not at all; the outbox sends
afterwards. Rule 2: the ledger is the only memory; nothing here outlives the transaction. Rule 3:
lower looks are settled before the look that asked for them, so that the lowest failing layer owns
the ticket.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

from checks.body import Unreadable
from monitor.core import easing, effects, endings, incident_transitions
from monitor.core.condition import (
    Condition,
    Patience,
    Signal,
    blamed,
    recovering,
    remembering,
    step,
)
from monitor.core.diagnosis import Diagnosis, diagnose, said
from monitor.core.incident import Change, Closing, Incident, key_of
from monitor.core.policy_terms import Classification
from monitor.incidents import store
from monitor.incidents.attempt_result import AttemptResult, patience_of, summary_of
from monitor.incidents.incident_changes import IncidentChanges
from monitor.incidents.layers_below import reach
from monitor.incidents.recipients import BLIND

__all__ = ["AttemptResult", "Correlation", "patience_of", "reach"]

_BAD = (Signal.BROKE, Signal.STILL_BROKEN, Signal.RELAPSED)


class Correlation(IncidentChanges):
    """What looks change in the ledger, within one transaction at one moment."""

    def settle(
        self, seen: AttemptResult, below: Sequence[AttemptResult] = (), others: Container[str] = ()
    ) -> None:
        """Settle a look and those below it, from the ground up; those of `others` count, and are
        settled by them.
        """
        by_name = {low.name: low for low in below}
        mine = [low for low in below if low.name not in others]
        # What opens below is told once it is known what hangs on it: else it is told twice at once.
        self._tells_later = True
        for low in sorted(mine, key=lambda s: s.entry.probe.highest_layer()):
            self._settle(low, by_name)
        self._tells_later = False
        self._settle(seen, by_name)
        for low in mine:
            self._tell_held_back(low.name)

    def _settle(self, seen: AttemptResult, by_name: dict[str, AttemptResult]) -> None:
        self._t.keep_attempt(
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

    def _judge(self, seen: AttemptResult, by_name: dict[str, AttemptResult]) -> None:
        was = store.condition_of(self._ledger, seen.name)
        condition, signal = step(was, seen.verdict.state, patience_of(seen.entry), self._now)
        condition = remembering(condition, seen.verdict.state, seen.observation.memory)
        self._keep(condition)
        # Its newest looks may alternate: the ticket says how many failed, since the last reason
        # alone looks harmless.
        if condition.bad and condition.broken_by_misses(patience_of(seen.entry)):
            seen = replace(seen, often="{} of the last {} looks failed".format(*condition.misses))
            by_name.update({seen.name: seen} if seen.name in by_name else {})
        with store.saying_unreadable(seen.name):
            self._blindness(was, condition, seen)
        if signal in _BAD:
            below = [
                by_name[name] for name in reach(self._configuration, seen.entry) if name in by_name
            ]
            self._bad(seen, condition, signal, below)
        elif signal is Signal.RECOVERED:
            self._recovered(condition, patience_of(seen.entry))

    def _bad(
        self,
        seen: AttemptResult,
        condition: Condition,
        signal: Signal,
        below: Sequence[AttemptResult],
    ) -> None:
        case = seen.case()
        if case is None:
            raise ValueError(f"{seen.name}: a failed look without a fault")
        diagnosis = diagnose(case, [(summary_of(low), low.case()) for low in below])
        found = self._policy.classify(diagnosis.cause)
        incident = self._incident(condition.incident)
        if incident is None:
            self._place(seen, condition, diagnosis, found, below)
        elif seen.name in incident.causes:
            self._again(seen, condition, signal, incident, diagnosis, found, below)
        # A maintenance hid this incident and is over, and the check still fails: now it is told.
        elif not incident.told and not self._all_muted(incident):
            self.apply(self._tell_now(Change(incident)))

    def _again(
        self,
        seen: AttemptResult,
        condition: Condition,
        signal: Signal,
        incident: Incident,
        diagnosis: Diagnosis,
        found: Classification,
        below: Sequence[AttemptResult],
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
        change = change.then(self._as_bad_as_seen(seen, change.incident, diagnosis, found))
        elsewhere = (
            self._judges(incident)
            and found.issue.id != incident.issue
            and not self._later_below(seen, incident, diagnosis, found)
        )
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

    def _judges(self, incident: Incident) -> bool:
        """Whether looks may classify it anew: no human has, and it is of the policy in force."""
        # A new policy does not rewrite what people were told under the old one, and looks do not
        # overrule a human.
        return not incident.classified_by_human and incident.policy == self._policy_name()

    def _later_below(
        self, seen: AttemptResult, incident: Incident, diagnosis: Diagnosis, found: Classification
    ) -> bool:
        """Whether what fails now lies below what broke first: then it came later and is no cause of
        it. The check's own earlier failure is followed if that makes it worse.
        """
        worse = diagnosis.cause.check == seen.name and found.severity.rank < incident.severity.rank
        return incident.layer is not None and diagnosis.cause.layer < incident.layer and not worse

    def _as_bad_as_seen(
        self, seen: AttemptResult, incident: Incident, diagnosis: Diagnosis, found: Classification
    ) -> Change:
        """What one more failure says of how bad it is, and of what fails beside it."""
        if incident.policy != self._policy_name():
            return Change(incident)
        if incident.classified_by_human:
            return incident_transitions.outgrown(incident, found, *seen.loss())
        if found.issue.id == incident.issue and found.severity.rank < incident.severity.rank:
            return incident_transitions.reclassified(incident, found, self._policy_name(), by="")
        # Beside other causes, and with what hangs on it, a ticket is as bad as the worst of them.
        alone = incident.causes == (seen.name,) and not incident.attached
        if found.issue.id == incident.issue and alone and seen.loss()[1]:
            return easing.eased(incident, found, seen.loss(), self._now)
        if found.issue.id != incident.issue and self._later_below(seen, incident, diagnosis, found):
            return incident_transitions.fails_below(
                incident, diagnosis.cause.check, said(diagnosis.cause)
            )
        return Change(incident)

    def _move(
        self,
        seen: AttemptResult,
        change: Change,
        diagnosis: Diagnosis,
        found: Classification,
        below: Sequence[AttemptResult],
    ) -> None:
        """The trouble turned out to be another one: the same ticket is reclassified, unless that
        one has a ticket.
        """
        was = change.incident
        key = key_of(was.site, found.issue.id)
        # With other causes the ticket stays what it is for them; only this check goes to a ticket
        # of its own.
        if self._ledger.open_incident_by_key(key) is None and was.causes == (seen.name,):
            cause = self._cause(seen, diagnosis, below)
            change = change.then(
                incident_transitions.reclassified(was, found, self._policy_name(), by="")
            )
            evidence = cause.evidence(diagnosis.findings)
            moved = replace(
                change.incident, causes=(cause.name,), evidence=evidence, layer=evidence.layer
            )
            change = change.then(Change(moved)).then(
                incident_transitions.hung_on(moved, diagnosis.attached)
            )
            self._blame(cause, seen, self.apply(self._tell_now(change)))
            return
        was = self.apply(change)
        condition = replace(
            store.condition_of(self._ledger, seen.name), incident=None, other_in_row=0
        )
        self._keep(condition)
        other = self._place(seen, condition, diagnosis, found, below)
        why = f"it turned out as: {found.issue.title}"
        self.apply(endings.left(was, seen.name, Closing.EXPLAINED, why, self._now, other.number))

    def _place(
        self,
        seen: AttemptResult,
        condition: Condition,
        diagnosis: Diagnosis,
        found: Classification,
        below: Sequence[AttemptResult],
    ) -> Incident:
        """Put a confirmed failure under its key: join the open incident, reopen the one just
        closed, or open one.
        """
        cause = self._cause(seen, diagnosis, below)
        evidence = cause.evidence(diagnosis.findings)
        change = self._under(found, evidence, condition.bad_since or seen.started_at)
        change = change.then(incident_transitions.hung_on(change.incident, diagnosis.attached))
        if cause.often:
            change = change.then(Change(replace(change.incident, flapping=True)))
        change = change.then(self._with_effect(seen, change.incident, diagnosis))
        placed = self.apply(self._tell_now(change))
        self._blame(cause, seen, placed)
        return placed

    def _blame(self, cause: AttemptResult, seen: AttemptResult, incident: Incident) -> None:
        """Tie the checks to their incident; a lower one that is the cause is broken by that."""
        for name in {cause.name, seen.name, *incident.attached}:
            condition = store.condition_of(self._ledger, name)
            if name == cause.name and not condition.bad:
                condition = blamed(condition, self._now, patience_of(cause.entry))
            self._keep(replace(condition, incident=incident.number, other_issue="", other_in_row=0))

    def _cause(
        self, seen: AttemptResult, diagnosis: Diagnosis, below: Sequence[AttemptResult]
    ) -> AttemptResult:
        return next((low for low in below if low.name == diagnosis.cause.check), seen)

    def _recovered(self, condition: Condition, patience: Patience) -> None:
        row = self._ledger.incident(condition.incident) if condition.incident is not None else None
        try:
            incident = store.incident_of(row) if row else None
        except Unreadable:  # its recovery waits for a program that can read its ticket
            self._keep(recovering(condition, patience, self._now))
            raise
        # Untied before its incident is touched: a recovered check must not be set free as one that
        # still hangs on it.
        self._keep(replace(condition, incident=None, other_issue="", other_in_row=0))
        self._look_at_what_stands_on(condition.check)
        if incident and incident.open:
            why = f"{condition.check} has recovered"
            change = endings.left(incident, condition.check, Closing.RECOVERED, why, self._now)
            lifted = effects.lifted(change.incident, condition.check, incident)
            self.apply(change if lifted.incident is change.incident else lifted)
        elif incident and incident.closing is Closing.RESOLVED:
            self.apply(endings.confirmed(incident, condition.check, self._now))

    def _blindness(self, was: Condition, now: Condition, seen: AttemptResult) -> None:
        """Too many looks in a row that could not tell: one incident per site says that the monitor
        is blind.
        """
        key = key_of(self._configuration.site.name, BLIND)
        row = self._ledger.open_incident_by_key(key)
        # Checks that go blind one after the other join the one ticket of their site: the probe host
        # is the usual cause.
        if now.blind and (row is None or now.check not in store.incident_of(row).causes):
            found = self._policy.reclassified(BLIND)
            change = self._under(found, seen.evidence(), was.looked_at or seen.started_at)
            self.apply(self._tell_now(change))
        elif row is not None and not now.blind:
            why = f"{now.check} can be told again"
            self.apply(
                endings.left(store.incident_of(row), now.check, Closing.RECOVERED, why, self._now)
            )
