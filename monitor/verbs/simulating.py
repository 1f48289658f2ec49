"""simulate, replay: what a policy would do, before it is in force: in months of made-up incidents,
and with the tickets that there were.
"""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from checks.contract import Layer
from monitor import policies
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.core.failure import Case
from monitor.core.incident import Incident
from monitor.core.policy import Policy, PolicyFaults
from monitor.core.policy_terms import Ladder
from monitor.core.simulation import Life, cases_of, life
from monitor.incidents import store
from monitor.incidents.recipients import is_reached, reached
from monitor.incidents.ticket_view import named, ticket_name
from monitor.ledger import Ledger
from monitor.terminal import show
from monitor.verbs.made_up_incidents import made_up
from monitor.verbs.opening import Stop, configuration_of, ledger_of
from reports.what_if import (
    LevelLine,
    MadeUpTicket,
    Rejudged,
    Replayed,
    SeverityLine,
    Simulated,
    Told,
)

# A busy site has an incident a day.
_A_MONTH, _DAYS = 30, 30
_MOST_MONTHS = 240
_MOST_TICKETS = 1_000_000
# An incident opens once a failure is confirmed: some looks after the first.
_AROUND = timedelta(minutes=30)


def simulate(arguments: Namespace) -> int:
    """Months of made-up incidents under the site's policy, or another."""
    configuration = configuration_of(arguments)
    if not 1 <= arguments.months <= _MOST_MONTHS:
        raise Stop(f"--months {arguments.months} does not do; write 1 to {_MOST_MONTHS}")
    policy = _policy(configuration, arguments.policy)
    configuration = replace(configuration, policy=policy)
    looked_at = [
        Case(entry.probe.KIND, check=entry.name, component=entry.component)
        for entry in configuration.checks.values()
    ]
    if not looked_at:
        raise Stop("there is no check in the configuration: nothing can fail")
    cases = cases_of(policy, looked_at, lambda case: _layer(configuration, case))
    end = SystemClock().now()
    start = end - timedelta(days=_DAYS * arguments.months)
    count = max(len(cases), _A_MONTH * arguments.months)
    lives = [
        life(policy, one, lambda role, severity, at: is_reached(configuration, role, severity, at))
        for one in made_up(cases, start, end, count, arguments.seed)
    ]
    lives.sort(key=lambda one: one.of.opened_at)
    view = Simulated(
        site=configuration.site.name,
        timezone=configuration.site.timezone,
        policy=f"{policy.name} {policy.version}",
        months=arguments.months,
        seed=arguments.seed,
        incidents=len(lives),
        severities=tuple(_severities(policy, lives)),
        levels=tuple(_levels(configuration, policy, lives)),
        rules_never_reached=_never(policy, lives),
        tickets=tuple(_ticket(configuration, one) for one in lives) if arguments.all else (),
    )
    show("simulated", arguments.json, view)
    return 0


def replay(arguments: Namespace) -> int:
    """The tickets of the ledger, judged by a policy."""
    configuration = configuration_of(arguments)
    policy = _policy(configuration, arguments.policy)
    differing, untold, count = list[Rejudged](), list[str](), 0
    with ledger_of(configuration, read_only=True) as ledger:
        for incident in store.incidents_of(ledger.incidents(_MOST_TICKETS)):
            count += 1
            case = _case_of(ledger, configuration, incident)
            if case is None:
                untold.append(ticket_name(configuration, incident.number))
            elif (found := _rejudged(policy, incident, case)) is not None:
                differing.append(found)
    view = Replayed(
        configuration.site.name,
        configuration.site.timezone,
        f"{policy.name} {policy.version}",
        count,
        tuple(differing),
        tuple(untold),
    )
    show("replayed", arguments.json, view)
    return 0


def _policy(configuration: Configuration, written: str) -> Policy:
    """The site's policy, or the one that is named, at the site. Raises Stop."""
    if not written:
        return configuration.policy
    try:
        found = policies.load(written)
    except (LookupError, OSError, ValueError, PolicyFaults) as refused:
        said = refused.args[0] if isinstance(refused, LookupError) else refused
        raise Stop(f"policy {written}: {said}") from None
    site = configuration.site
    least = {name: entry.severity for name, entry in configuration.checks.items()}
    return found.at(site.timezone, site.days_off).with_severities(least)


def _layer(configuration: Configuration, case: Case) -> Layer:
    probe = configuration.checks[case.check].probe
    return probe.layer_of(case.stage) if case.stage else probe.highest_layer()


def _severities(policy: Policy, lives: Sequence[Life]) -> list[SeverityLine]:
    lines = []
    for severity in policy.severities:
        own = [one for one in lives if one.found.severity.id == severity.id]
        missed = Counter(name for one in own for name in one.missed)
        told = sum(len(one.told) for one in own)
        lines.append(
            SeverityLine(severity.id, severity.name, severity.rank, len(own), told, dict(missed))
        )
    return lines


def _levels(configuration: Configuration, policy: Policy, lives: Sequence[Life]) -> list[LevelLine]:
    told = Counter((one.found.ladder.name, at[1].number) for one in lives for at in one.told)
    empty = Counter((one.found.ladder.name, at.number) for one in lives for at in one.empty)
    return [
        LevelLine(
            ladder.name,
            level.number,
            level.name,
            ", ".join(reached(configuration, level.role)),
            told[ladder.name, level.number],
            empty[ladder.name, level.number],
        )
        for ladder in policy.ladders
        for level in ladder.levels
    ]


def _never(policy: Policy, lives: Sequence[Life]) -> tuple[str, ...]:
    """The rules of the policy itself: what Reveille says of itself is not made up."""
    reached_rules = {one.found.rule for one in lives}
    return tuple(
        rule.name
        for rule in policy.rules
        if rule.name not in reached_rules and ("kind", ("reveille",)) not in rule.when
    )


def _ticket(configuration: Configuration, one: Life) -> MadeUpTicket:
    case = one.of.case
    how = " ".join(filter(None, (case.stage, case.code))) or "fails"
    return MadeUpTicket(
        one.of.opened_at,
        one.of.resolved_at,
        one.found.severity.id,
        one.found.issue.title,
        f"{case.check}: {how}",
        tuple(
            Told(at, level.number, ", ".join(reached(configuration, level.role, at)) or level.name)
            for at, level in one.told
        ),
        one.missed,
    )


def _case_of(ledger: Ledger, configuration: Configuration, incident: Incident) -> Case | None:
    """What failed, as a look around its opening saw it; None where that is not kept."""
    evidence, opened_at = incident.evidence, incident.opened_at
    looks = ledger.attempts_within(evidence.check, opened_at - _AROUND, opened_at + _AROUND)
    faults = [row.verdict.fault for row in looks if row.verdict.fault is not None]
    fault = faults[-1] if faults else None
    if fault is None or evidence.layer is None:
        return None
    entry = configuration.checks.get(evidence.check)
    return Case(
        evidence.kind,
        fault.stage,
        fault.code,
        evidence.check,
        entry.component if entry else "",
        evidence.layer,
        fault.text,
        evidence.lost,
        evidence.of,
    )


def _rejudged(policy: Policy, incident: Incident, case: Case) -> Rejudged | None:
    found = policy.classify(case)
    was = (incident.issue, incident.severity.id, incident.owner_title, _rungs(incident.ladder))
    would_be = (found.issue.id, found.severity.id, found.owner_title, _rungs(found.ladder))
    if was == would_be:
        return None
    return Rejudged(named(incident.number), incident.opened_at, incident.title, was, would_be)


def _rungs(ladder: Ladder) -> str:
    return ", ".join(level.name for level in ladder.levels)
