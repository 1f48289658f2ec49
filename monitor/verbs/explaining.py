"""explain: what the policy makes of a case, dated, before anything has happened."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from checks.contract import Layer
from checks.fault_codes import CODES, FAMILIES, STAGES, is_known, is_stage
from checks.kinds import kinds
from checks.messages import nearest
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.config.section_models import OPERATORS
from monitor.core.contacts import Recipient
from monitor.core.explain import Explanation, explained
from monitor.core.failure import Case
from monitor.core.local_time import instant
from monitor.core.policy import Policy
from monitor.core.policy_rules import named, names
from monitor.incidents.audiences import left_to_operators, who_hears
from monitor.incidents.recipients import reached
from monitor.terminal import complain, show
from monitor.verbs.on_call import on_call_at
from monitor.verbs.opening import Stop, configuration_to_show, entry_of
from reports.command_views import DialLine, Explained, PromiseLine
from reports.ticket import RungLine

# The kind of what Reveille says of itself (monitor/policies/house.toml).
OWN_KIND = "reveille"


def explain(arguments: Namespace) -> int:
    """Issue, severity, owner, targets and dated ladder of a case or an issue."""
    configuration = configuration_to_show(arguments)
    _counted(arguments)
    what = arguments.issue or _case(configuration, arguments)
    if isinstance(what, Case):
        _known(configuration.policy, arguments, what)
    site, policy = configuration.site, configuration.policy
    try:
        answer = explained(
            policy,
            what,
            _region(policy, arguments.region, site.region),
            _opened(arguments.at, site.timezone),
            site.timezone,
            lambda role, at: who_hears(configuration, role, at),
            left_to_operators(configuration),
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
    counted = {"lost": arguments.lost, "of": arguments.of}
    if arguments.check:
        entry = entry_of(configuration, arguments.check)
        layer = (
            entry.probe.layer_of(arguments.stage)
            if arguments.stage
            else entry.probe.highest_layer()
        )
        return Case(
            entry.probe.KIND,
            arguments.stage,
            arguments.code,
            entry.name,
            arguments.component or entry.component,
            _named_layer(arguments.layer) or layer,
            **counted,
        )
    if not arguments.kind:
        raise Stop("say what failed: a check's name, --kind with --stage and --code, or --issue")
    known = kinds().get(arguments.kind)
    # The house's own kind stands for what Reveille says of itself, and no check is of it.
    if known is None and arguments.kind != OWN_KIND:
        hint = nearest(arguments.kind, kinds()) or f"; there are {', '.join(sorted(kinds()))}"
        raise Stop(f"there is no kind {arguments.kind[:60]!r}{hint}")
    layer = known.stage_layer(arguments.stage) if known else Case("").layer
    return Case(
        arguments.kind,
        arguments.stage,
        arguments.code,
        component=arguments.component,
        layer=_named_layer(arguments.layer) or layer,
        **counted,
    )


def _named_layer(word: str) -> Layer | None:
    """Raises Stop."""
    known = {layer.name.lower(): layer for layer in Layer}
    if word and word not in known:
        hint = nearest(word, known) or f"; there are {', '.join(known)}"
        raise Stop(f"there is no layer {word[:60]!r}{hint}")
    return known.get(word)


def _counted(arguments: Namespace) -> None:
    """Refuse a loss that is none. Raises Stop."""
    if not 0 <= arguments.lost <= arguments.of:
        raise Stop(
            f"--lost {arguments.lost} --of {arguments.of} does not do; write how many were lost, of"
            " how many, as in --lost 21 --of 100"
        )


def _region(policy: Policy, named: str, own: str) -> str:
    """The region that is asked about, else the site's. Raises Stop."""
    if named and policy.regions and named not in policy.regions:
        hint = nearest(named, policy.regions) or f"; there are {', '.join(sorted(policy.regions))}"
        raise Stop(f"policy {policy.name} has no region {named[:60]!r}{hint}")
    return named or own


def _opened(written: str, zone: str) -> datetime:
    """When the case is opened: now, or at a wall time of the site. Raises Stop."""
    if not written:
        return SystemClock().now()
    try:
        wall = datetime.fromisoformat(written)
    except ValueError:
        wall = None
    if wall is None or wall.tzinfo is not None:
        raise Stop(f"{written[:40]!r} is no time of the site; write --at '2026-11-27 16:00'")
    return instant(wall, ZoneInfo(zone))


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
        clocks=tuple(
            PromiseLine(
                one.name, one.seconds, one.since, one.due_at, one.since_level, one.working_time
            )
            for one in answer.targets
        ),
        operators=reached(configuration, OPERATORS, answer.opened_at),
        ladder=_ladder(answer, bool(configuration.desks_taking("pages"))),
        rank=severity.rank,
        on_call=on_call_at(configuration, answer.opened_at),
    )


def _ladder(answer: Explanation, telephoned: bool) -> tuple[RungLine, ...]:
    """A level that reaches nobody is passed over, and the one after it told in its turn; those of
    one instant are told together.
    """
    lines: list[RungLine] = []
    turn: datetime | None = None
    turns: list[datetime] = []
    for level in answer.levels:
        # Without a desk that telephones a role with telephones alone is passed over as well.
        is_told = any(
            one.mail or (telephoned and one.phone) for one in level.who if not one.published
        )
        turn = turn or level.at
        at, state = (turn, "told") if is_told else (level.at, "skipped")
        if is_told:
            turns = [*turns, at] if at not in turns else turns
            state = ("told", "next", "later")[min(turns.index(at), 2)]
            turn = None
        lines.append(RungLine(level.number, level.name, _ways(level.who), at, state))  # type: ignore[arg-type]
    return tuple(lines)


def _ways(who: Sequence[Recipient]) -> str:
    """How a level is reached: its people, the operators in its place, and how a desk is shown that
    the policy publishes and nobody of the site stands behind.
    """
    told, desks = (
        [way for one in who if one.published is published for way in (one.mail, one.phone) if way]
        for published in (False, True)
    )
    own = ["the operators in its place: " * bool(desks) + ", ".join(told)] if told else []
    strangers = [f"published, not told: {', '.join(desks)}"] if desks else []
    return "; ".join(own + strangers)


def _said(case: Case) -> dict[str, str]:
    named = {"kind": case.kind, "stage": case.stage, "code": case.code, "check": case.check}
    lost = f"{case.lost} of {case.of}" if case.of else ""
    named |= {"component": case.component, "lost": lost}
    return {name: value for name, value in named.items() if value}
