"""A support policy: which issue a case is, how bad, whose, due when, and who is told after how
long.

A policy is a data file with its own examples; it is refused as a whole, with every fault, unless
all of it is right. Whoever adds a policy writes no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from monitor.core.calendar_plan import CalendarPlan, at_site
from monitor.core.failure import Case
from monitor.core.ladder_plan import LadderPlan
from monitor.core.open_hours import NO_CALENDARS, Calendars
from monitor.core.policy_file import read_parts
from monitor.core.policy_parts import Parts
from monitor.core.policy_rules import Rule
from monitor.core.policy_terms import Classification, Contact, Issue, Ladder, Level, Owner, Severity
from monitor.core.table_reader import PolicyFault, PolicyFaults, known_names

__all__ = [
    "Classification",
    "Contact",
    "Issue",
    "Ladder",
    "Level",
    "Owner",
    "Policy",
    "PolicyFault",
    "PolicyFaults",
    "Severity",
]


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy with the house's own issues merged in. Severities are in order, the worst
    first.
    """

    name: str
    version: str
    title: str
    source: str
    severities: tuple[Severity, ...]
    owners: tuple[Owner, ...]
    issues: tuple[Issue, ...]
    ladders: tuple[LadderPlan, ...]
    rules: tuple[Rule, ...]
    desks: tuple[Contact, ...]
    formal: str = ""
    """the ladder of what a human escalates; "" for the case's own"""
    requests: str = ""
    """the ladder of what people ask for; "" for that of whatever else there is"""
    calendars: Calendars = NO_CALENDARS
    """the hours in which its clocks run, by name"""
    written: tuple[CalendarPlan, ...] = ()
    """the same as the policy writes them: a zone or holidays may be the site's"""
    at_least: tuple[tuple[str, str], ...] = ()
    """checks whose failures are of a severity or worse: names and severities"""

    @classmethod
    def parse(
        cls, written: Mapping[str, object], house: Mapping[str, object] | None = None
    ) -> Policy:
        """A policy from a parsed file; `house` is the parsed house file. Raises PolicyFaults with
        every fault.
        """
        parts = read_parts(written, house or {})
        if parts.faults:
            raise PolicyFaults(tuple(dict.fromkeys(parts.faults)))
        return cls._of(parts)

    @classmethod
    def _of(cls, parts: Parts) -> Policy:
        return cls(
            name=parts.name,
            version=parts.version,
            title=parts.title,
            source=parts.source,
            severities=tuple(parts.severities),
            owners=tuple(parts.owners.values()),
            issues=tuple(parts.issues.values()),
            ladders=tuple(parts.ladders.values()),
            rules=tuple(parts.rules),
            desks=tuple(parts.contacts),
            formal=parts.formal,
            requests=parts.requests,
            calendars=at_site(tuple(parts.calendars.values()), "UTC", frozenset()),
            written=tuple(parts.calendars.values()),
        )

    def at(self, zone: str, holidays: frozenset[date] = frozenset()) -> Policy:
        """The policy with the calendars of a site: its zone, and the days on which nobody works."""
        return replace(self, calendars=at_site(self.written, zone, holidays))

    def with_severities(self, of_checks: Mapping[str, str]) -> Policy:
        """The policy of a site that says of some checks how bad their failures are at the least. A
        severity that this policy has not is passed over: it is told where it was written.
        """
        known = {severity.id for severity in self.severities}
        named = ((name, written) for name, written in of_checks.items() if written in known)
        return replace(self, at_least=tuple(named))

    def classify(self, case: Case) -> Classification:
        """The issue of a case, by the first rule that fits; the last rule fits everything."""
        # A policy whose last rule does not fit everything is refused when it is read,
        # so this always finds one.
        rule = next(rule for rule in self.rules if rule.fits(case))
        found = self._classified(rule.issue, rule.name, case.lost, case.of)
        # What Reveille says of itself names a check as well, and is not that check's failure.
        least = dict(self.at_least).get(case.check) if case.kind != "reveille" else None
        if least is None or self.severity(least).rank >= found.severity.rank:
            return found
        return self._classified(rule.issue, rule.name, named=least)

    def reclassified(
        self, issue_id: str, lost: int = 0, of: int = 0, severity: str = ""
    ) -> Classification:
        """What an issue brings along when a human says that it is this one: with the loss that was
        counted, or with the severity that they name. Raises LookupError.
        """
        return self._classified(issue_id, "reclassified", lost, of, severity)

    def severity(self, severity_id: str) -> Severity:
        """A severity by its id. Raises LookupError naming those there are."""
        found = next((severity for severity in self.severities if severity.id == severity_id), None)
        if found is None:
            hint = known_names(severity_id, [severity.id for severity in self.severities])
            raise LookupError(f"policy {self.name!r} has no severity {severity_id!r}; {hint}")
        return found

    def requested(self, what: str) -> Classification:
        """What somebody asks for, "change" or "feature": told to the first of the policy's ladder
        for it (else of what its last rule finds), with nothing promised; owned by whoever owns the
        first issue of that ladder.
        """
        last = self.issue(self.rules[-1].issue)
        rest = next((one for one in self.issues if one.ladder == self.requests), last)
        plan = next(one for one in self.ladders if one.name == (self.requests or rest.ladder))
        title = f"{what} request"
        asked = Severity(what, "request", f"a {title} carries no SLA clock", len(self.severities))
        ladder = plan.under(asked)
        # Later levels are for a promise that was not kept, and here is none.
        first = tuple(
            one
            for one in ladder.levels
            if not one.since_level and one.after_seconds == ladder.levels[0].after_seconds
        )
        return Classification(
            issue=Issue(f"{what}-request", title, rest.owner, asked.id, ladder.name),
            severity=asked,
            owner_title=next(one.title for one in self.owners if one.id == rest.owner),
            ladder=replace(ladder, levels=first),
            rule="asked for by a person",
        )

    def issue(self, issue_id: str) -> Issue:
        """An issue by its id. Raises LookupError naming the nearest."""
        found = next((issue for issue in self.issues if issue.id == issue_id), None)
        if found is None:
            hint = known_names(issue_id, [issue.id for issue in self.issues])
            raise LookupError(f"policy {self.name!r} has no issue {issue_id!r}; {hint}")
        return found

    def contacts(self, role: str, region: str = "") -> tuple[Contact, ...]:
        """The published desks of a role in a region, else those for every region; () when none is
        published.
        """
        of_role = [contact for contact in self.desks if contact.role == role]
        # A region of its own replaces the worldwide desks: to call both would wake somebody who is
        # not on duty there.
        here = [contact for contact in of_role if contact.region == region]
        return tuple(here or [contact for contact in of_role if not contact.region])

    def formal_ladder(self, severity: Severity) -> Ladder | None:
        """The ladder that a formally escalated case climbs; None for its own."""
        plan = next((ladder for ladder in self.ladders if ladder.name == self.formal), None)
        return plan.under(severity) if plan else None

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that have desks of their own."""
        return tuple(dict.fromkeys(contact.region for contact in self.desks if contact.region))

    @property
    def roles(self) -> tuple[str, ...]:
        """Every role that some level tells, in the ladders' order."""
        return tuple(
            dict.fromkeys(level.role for ladder in self.ladders for level in ladder.levels)
        )

    def _classified(
        self, issue_id: str, rule: str, lost: int = 0, of: int = 0, named: str = ""
    ) -> Classification:
        issue = self.issue(issue_id)
        severity = self.severity(named or issue.severity_of(lost, of))
        # Every id was looked up when the policy was read: none of them can be missing here.
        owner = next(owner for owner in self.owners if owner.id == issue.owner)
        plan = next(ladder for ladder in self.ladders if ladder.name == issue.ladder)
        return Classification(
            issue=issue,
            severity=severity if owner.promises else replace(severity, targets=()),
            owner_title=owner.title,
            ladder=plan.under(severity),
            rule=rule,
        )
