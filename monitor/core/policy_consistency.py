"""Whether the parts of a policy fit each other: rules that are reached, desks that are told, and
examples that come out as they say.
"""

from __future__ import annotations

from monitor.core.policy_parts import Parts
from monitor.core.policy_rules import first_fitting, hidden_by
from monitor.core.table_reader import PolicyFault, Table, known_names


def check_rules(top: Table, parts: Parts) -> None:
    """Note a rule that no case can reach, and a last one that does not fit everything."""
    if parts.rules and not parts.rules[-1].fits_everything():
        right = "end with a rule without 'when', so that every case becomes some issue"
        top.fault(
            "rule", f"the last rule, {parts.rules[-1].name!r}, does not fit everything", right
        )
    # A rule behind a wider one is a promise that its author believes in and nobody keeps; an
    # example need not show it.
    for place, rule in enumerate(parts.rules):
        if takers := hidden_by(rule, parts.rules[:place]):
            wrong = f"no case can reach it: {', '.join(map(repr, takers))} before it takes them all"
            parts.faults.append(PolicyFault(rule.path, wrong, "move it up or make it differ"))


def check_contacts(parts: Parts) -> None:
    """Note a published desk whose role no level of any ladder tells."""
    roles = [level.role for ladder in parts.ladders.values() for level in ladder.levels]
    for contact in parts.contacts:
        if contact.role and contact.role not in roles:
            wrong = f"no level of any ladder tells {contact.role!r}"
            parts.faults.append(
                PolicyFault(f"contact.{contact.role}.role", wrong, known_names(contact.role, roles))
            )


def check_examples(parts: Parts) -> None:
    """Note an example that the rules classify otherwise than it says."""
    for example in parts.examples:
        rule = first_fitting(parts.rules, example.case)
        issue = parts.issues.get(rule.issue) if rule else None
        severity = issue.severity_of(example.case.lost, example.case.of) if issue else ""
        # Without a rule there is a fault already (the last rule must fit everything): saying it
        # twice helps nobody.
        if rule and issue and (issue.id, severity) != (example.issue, example.severity):
            wrong = f"it comes out as {issue.id} / {severity} by rule {rule.name!r}"
            right = (
                f"the example says {example.issue} / {example.severity}: change the rules or the"
                " example"
            )
            parts.faults.append(PolicyFault(example.path, wrong, right))
