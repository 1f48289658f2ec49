"""explain: what the policy makes of a case, dated, before anything has happened."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

from checks.fault_codes import CODES, FAMILIES, STAGES, is_known, is_stage
from checks.kinds import kinds
from checks.messages import nearest
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.config.section_models import OPERATORS
from monitor.core.explain import Explanation, explained
from monitor.core.failure import Case
from monitor.core.policy import Policy
from monitor.core.policy_rules import named, names
from monitor.incidents.recipients import reached
from monitor.terminal import complain, show
from monitor.verbs.on_call import on_call_at
from monitor.verbs.opening import Stop, configuration_to_show, entry_of
from reports.command_views import DialLine, Explained
from reports.ticket import ClockLine, RungLine

# The kind of what Reveille says of itself (monitor/policies/house.toml).
OWN_KIND = "reveille"


def explain(arguments: Namespace) -> int:
    """Issue, severity, owner, targets and dated ladder of a case or an issue."""
    configuration = configuration_to_show(arguments)
    what = arguments.issue or _case(configuration, arguments)
    if isinstance(what, Case):
        _known(configuration.policy, arguments, what)
    site, policy = configuration.site, configuration.policy
    try:
        answer = explained(
            policy,
            what,
            site.region,
            SystemClock().now(),
            site.timezone,
            configuration.people,
            configuration.rotas,
        )
    except LookupError as unknown:
        raise Stop(str(unknown.args[0])) from None
    dials = _dials(configuration, arguments.check)
    view = replace(_view(configuration, what, answer), dials=dials)
    show("explain", arguments.json, view, name="explained")
    return 0


def _dials(configuration: Configuration, check: str) -> tuple[DialLine, ...]:
    """What an attempt of this check dials where calls may cost, with the caps of its lines."""
    entry = configuration.checks.get(check)
    return tuple(DialLine(**asdict(toll)) for toll in (entry.probe.tolls() if entry else ()))


def _case(configuration: Configuration, arguments: Namespace) -> Case:
    """The case that is asked about: by a check's name, or by its kind."""
    if arguments.check:
        entry = entry_of(configuration, arguments.check)
        layer = (
            entry.probe.layer_of(arguments.stage)
            if arguments.stage
            else entry.probe.highest_layer()
        )
        component = arguments.component or entry.component
        return Case(entry.probe.KIND, arguments.stage, arguments.code, entry.name, component, layer)
    if not arguments.kind:
        raise Stop("say what failed: a check's name, --kind with --stage and --code, or --issue")
    known = kinds().get(arguments.kind)
    # The house's own kind stands for what Reveille says of itself, and no check is of it.
    if known is None and arguments.kind != OWN_KIND:
        hint = nearest(arguments.kind, kinds()) or f"; there are {', '.join(sorted(kinds()))}"
        raise Stop(f"there is no kind {arguments.kind[:60]!r}{hint}")
    layer = known.LAYER if known else Case("").layer
    return Case(arguments.kind, arguments.stage, arguments.code, "", arguments.component, layer)


def _known(policy: Policy, arguments: Namespace, case: Case) -> None:
    """Refuse a stage or code that nothing here gives; warn of a component that no rule names, since
    it then makes no difference. Raises Stop.
    """
    rules = policy.rules
    if case.stage and not _stage_known(policy, case):
        known = [*STAGES, *named(rules, "stage")]
        hint = nearest(case.stage, known) or f"; there are {', '.join(sorted(STAGES))}"
        raise Stop(f"there is no stage {case.stage[:60]!r}{hint}")
    own = case.kind == OWN_KIND and case.code in [issue.id for issue in policy.issues]
    if case.code and not (own or is_known(case.code) or names(rules, "code", case.code)):
        quoted = f"; what others say is quoted as {', '.join(f'{one}…' for one in FAMILIES)}"
        hint = nearest(case.code, [*CODES, *named(rules, "code")]) or quoted
        raise Stop(f"there is no code {case.code[:60]!r}{hint}")
    word = arguments.component
    if word and not names(rules, "component", word):
        hint = nearest(word, named(rules, "component")) or ": it makes no difference"
        complain(
            f"warning: no rule of policy {policy.name} names the component {word[:60]!r}{hint}"
        )


def _stage_known(policy: Policy, case: Case) -> bool:
    """Whether it is a stage of ours, one that a rule names, or of a kind whose steps have names of
    the site's own.
    """
    kind = kinds().get(case.kind)
    named_by_site = kind is not None and "steps" in kind.model_fields
    return named_by_site or is_stage(case.stage) or names(policy.rules, "stage", case.stage)


def _view(configuration: Configuration, what: Case | str, answer: Explanation) -> Explained:
    case = {"issue": what} if isinstance(what, str) else _said(what)
    severity = next(s for s in configuration.policy.severities if s.id == answer.severity)
    return Explained(
        site=configuration.site.name,
        timezone=configuration.site.timezone,
        policy=f"{answer.policy} {answer.version}",
        rule=answer.rule,
        case=case,
        issue=answer.issue,
        title=answer.title,
        severity=answer.severity,
        severity_name=answer.severity_name,
        definition=answer.definition,
        owner=answer.owner,
        opened_at=answer.opened_at,
        clocks=tuple(ClockLine(one.name, one.due_at) for one in answer.targets if one.due_at),
        afterwards=tuple(
            (one.name, one.seconds, one.since) for one in answer.targets if not one.due_at
        ),
        operators=reached(configuration, OPERATORS, answer.opened_at),
        ladder=_ladder(answer, bool(configuration.desks_taking("pages"))),
        rank=severity.rank,
        on_call=on_call_at(configuration, answer.opened_at),
    )


def _ladder(answer: Explanation, telephoned: bool) -> tuple[RungLine, ...]:
    """A level that reaches nobody is passed over, and the one after it told in its turn."""
    lines: list[RungLine] = []
    turn: datetime | None = None
    for level in answer.levels:
        told = [one for one in level.who if not one.published]
        ways = [way for one in level.who for way in (one.mail, one.phone) if way]
        waiting = [line for line in lines if line.state in ("told", "next")]
        # Without a desk that telephones a role with telephones alone is passed over as well.
        is_told = any(one.mail or (telephoned and one.phone) for one in told)
        state = ("told", "next", "later")[min(len(waiting), 2)] if is_told else "skipped"
        reached = ", ".join(ways) if told else _published(ways)
        turn = turn or level.at
        rung = (level.number, level.name, reached, turn if is_told else level.at)
        turn = None if is_told else turn
        lines.append(RungLine(*rung, state))  # type: ignore[arg-type]
    return tuple(lines)


def _published(ways: Sequence[str]) -> str:
    """How a desk is shown that the policy publishes and nobody of the site stands behind."""
    return f"published, not told: {', '.join(ways)}" if ways else ""


def _said(case: Case) -> dict[str, str]:
    named = {"kind": case.kind, "stage": case.stage, "code": case.code, "check": case.check}
    return {name: value for name, value in {**named, "component": case.component}.items() if value}
