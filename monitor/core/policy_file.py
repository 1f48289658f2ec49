"""A policy file's content (an already parsed mapping) -> its parts, with every fault found on the
way.

Rules: unknown fields, unknown references, missing targets, rules that no case can reach, a last
rule that does not fit everything, and an example that comes out otherwise are faults. The house's
own issues (a file without severities) are merged before the policy's rules: they classify what
Reveille says of itself, under every policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TypeVar

from checks.contract import Layer
from monitor.core.failure import Case
from monitor.core.policy_consistency import check_contacts, check_examples, check_rules
from monitor.core.policy_parts import Example, Parts
from monitor.core.policy_rules import FIELDS, Rule
from monitor.core.policy_terms import (
    Condition,
    Contact,
    Issue,
    Ladder,
    Level,
    LossLimit,
    Owner,
    Severity,
)
from monitor.core.sla import ALWAYS, Calendar
from monitor.core.table_reader import Table, known_names

T = TypeVar("T")

NEXT_RELEASE = "next release"
_LAYERS = tuple(layer.name.lower() for layer in Layer)
# Each word stands for itself: the keys are what a file may say, the values are the Literal that the
# type checker knows.
_CONDITIONS: dict[str, Condition] = {
    "not-resolved": "not-resolved",
    "not-acknowledged": "not-acknowledged",
}
_CALENDARS: dict[str, Calendar] = {"24x7": ALWAYS}


def read_parts(body: Mapping[str, object], house: Mapping[str, object]) -> Parts:
    """Everything of the policy and the house that could be read, and every fault."""
    parts = Parts()
    with Table(body, "", parts.faults) as top:
        _read_heading(top, parts)
        _read_severities(top, parts)
        # The house's rules go first: what Reveille says of itself must not fall to a vendor's rule
        # for everything else.
        if house:
            with Table(house, "house", parts.faults) as own:
                _read_body(own, parts)
        _read_body(top, parts)
        check_rules(top, parts)
        check_contacts(parts)
    check_examples(parts)
    return parts


def _read_heading(top: Table, parts: Parts) -> None:
    parts.name, parts.version = top.text("name"), top.text("version")
    parts.title, parts.source = top.text("title"), top.text("source")
    calendar = top.text("calendar")
    if calendar and calendar not in _CALENDARS:
        top.fault(
            "calendar",
            f"there is no calendar {calendar!r}",
            known_names(calendar, tuple(_CALENDARS)),
        )
    parts.calendar = _CALENDARS.get(calendar, ALWAYS)


def _read_severities(top: Table, parts: Parts) -> None:
    for rank, table in enumerate(top.tables("severity", "id", required=True)):
        severity = Severity(
            id=table.text("id"),
            name=table.text("name"),
            definition=table.text("definition"),
            rank=rank,
            response_seconds=table.duration("response") or 0,
            resolution_seconds=_read_resolution(table),
        )
        if 0 < severity.resolution_seconds < severity.response_seconds:
            table.fault(
                "resolution",
                "it is due before the response",
                "write a resolution that is not the shorter one",
            )
        # Two of one id would make the rank, and so which of two cases is worse, depend on which is
        # found first.
        if any(severity.id == other.id for other in parts.severities):
            table.fault("id", "this severity is there twice", "give each its own id")
        parts.severities.append(severity)


def _read_resolution(table: Table) -> int:
    """Seconds; 0 for what is mended in the "next release", which nobody can set a clock to."""
    return 0 if table.field("resolution") == NEXT_RELEASE else table.duration("resolution") or 0


def _read_body(table: Table, parts: Parts) -> None:
    """What a policy and the house both have."""
    for entry in table.tables("owner", "id"):
        owner = Owner(entry.text("id"), entry.text("title"))
        _keep(entry, "id", owner.id, owner, parts.owners)
    _read_ladders(table, parts)
    for entry in table.tables("issue", "id", required=True):
        issue = _read_issue(entry, parts)
        _keep(entry, "id", issue.id, issue, parts.issues)
    for entry in table.tables("rule", "name", required=True):
        parts.rules.append(_read_rule(entry, parts))
    for entry in table.tables("contact", "role"):
        _read_contact(entry, parts)
    for entry in table.tables("example", "name"):
        _read_example(entry, parts)


def _keep(table: Table, key: str, name: str, thing: T, known: dict[str, T]) -> None:
    if name in known:
        table.fault(
            key,
            f"{name!r} is there twice",
            "give each its own (the house's own issues are merged in)",
        )
    elif name:
        known[name] = thing


def _read_ladders(table: Table, parts: Parts) -> None:
    written = table.field("ladders")
    if not isinstance(written, Mapping) or not written:
        table.fault("ladders", "it is missing", "write at least one [ladders.NAME] with its levels")
        return
    for name in written:
        with Table(
            written[name], f"{table.path}.ladders.{name}".lstrip("."), parts.faults
        ) as entry:
            levels = tuple(
                _read_level(level) for level in entry.tables("levels", "name", required=True)
            )
            _check_levels(entry, levels)
            _keep(entry, "", name, Ladder(name, levels), parts.ladders)


def _read_level(table: Table) -> Level:
    condition = table.text("condition", default="not-resolved")
    if condition and condition not in _CONDITIONS:
        table.fault(
            "condition",
            f"there is no condition {condition!r}",
            known_names(condition, tuple(_CONDITIONS)),
        )
    after = table.duration("after") or 0
    until = table.duration("until", optional=True)
    if until is not None and until <= after:
        table.fault(
            "until", "the level would end before it begins", "write a time after its 'after'"
        )
    return Level(
        number=table.number("number"),
        name=table.text("name"),
        role=table.text("role"),
        after_seconds=after,
        until_seconds=until,
        condition=_CONDITIONS.get(condition, "not-resolved"),
    )


def _check_levels(table: Table, levels: tuple[Level, ...]) -> None:
    # The ledger keeps who was told by level number: a gap or a repetition would make it say so of
    # somebody else.
    if [level.number for level in levels] != list(range(1, len(levels) + 1)):
        table.fault(
            "levels",
            "the numbers are not 1, 2, 3 ...",
            "number the levels from 1, in the order they are told",
        )
    if any(late.after_seconds < early.after_seconds for early, late in pairwise(levels)):
        table.fault(
            "levels",
            "a level is told before the one below it",
            "let 'after' grow from level to level",
        )


def _read_issue(table: Table, parts: Parts) -> Issue:
    issue = Issue(
        id=table.text("id"),
        title=table.text("title"),
        owner=table.text("owner"),
        severity=_read_severity_of(table, parts),
        ladder=table.text("ladder"),
        by_loss=tuple(_read_limit(limit, parts) for limit in table.tables("by_loss", "percent")),
    )
    # The first limit that is reached decides (Issue.severity_of): a smaller one in front would hide
    # the larger.
    if any(late.percent >= early.percent for early, late in pairwise(issue.by_loss)):
        table.fault("by_loss", "a smaller loss comes first", "write the largest percentage first")
    for key, name, known in (
        ("owner", issue.owner, parts.owners),
        ("ladder", issue.ladder, parts.ladders),
    ):
        if name and name not in known:
            table.fault(key, f"there is no {key} {name!r}", known_names(name, tuple(known)))
    return issue


def _read_limit(table: Table, parts: Parts) -> LossLimit:
    return LossLimit(table.number("percent"), _read_severity_of(table, parts))


def _read_severity_of(table: Table, parts: Parts) -> str:
    """A severity by its id, or by its rank where a file does not know the policy's ids; beyond the
    last is the last.
    """
    ids = [severity.id for severity in parts.severities]
    written = table.field("severity")
    if isinstance(written, Mapping):
        with Table(written, f"{table.path}.severity", parts.faults) as by:
            rank = by.number("rank")
        return ids[min(rank, len(ids) - 1)] if ids and rank >= 0 else ""
    name = table.text("severity")
    if name and name not in ids:
        table.fault("severity", f"there is no severity {name!r}", known_names(name, ids))
    return name


def _read_rule(table: Table, parts: Parts) -> Rule:
    name, issue = table.text("name"), table.text("issue")
    if issue and issue not in parts.issues:
        table.fault(
            "issue", f"there is no issue {issue!r}", known_names(issue, tuple(parts.issues))
        )
    if name and any(name == other.name for other in parts.rules):
        table.fault("name", f"{name!r} is there twice", "give each rule its own name")
    with Table(table.field("when") or {}, f"{table.path}.when", parts.faults) as when:
        fields = ((key, _read_patterns(when, key)) for key in FIELDS)
        return Rule(
            name, issue, tuple((key, patterns) for key, patterns in fields if patterns), table.path
        )


def _read_patterns(when: Table, key: str) -> tuple[str, ...]:
    if when.field(key) is None:
        return ()
    patterns = tuple(part.strip() for part in when.text(key).split("|"))
    # `[` begins a class of characters in shell globs. Here it would be a plain character, so it is
    # refused, not misread.
    if not all(patterns) or any("[" in part for part in patterns):
        when.fault(key, "it is not a list of patterns", "write globs of * and ?, separated by |")
    if key == "layer" and (wrong := [part for part in patterns if part not in (*_LAYERS, "*")]):
        when.fault(key, f"there is no layer {wrong[0]!r}", known_names(wrong[0], _LAYERS))
    return patterns


def _read_contact(table: Table, parts: Parts) -> None:
    contact = Contact(
        role=table.text("role"),
        region=table.text("region", default=""),
        title=table.text("title"),
        mail=table.text("mail", default=""),
        phones=table.texts("phones"),
    )
    if not contact.mail and not contact.phones:
        table.fault("", "it can be reached by no way", "give it a mail address or phones")
    if any(
        (contact.role, contact.region, contact.title) == (c.role, c.region, c.title)
        for c in parts.contacts
    ):
        table.fault(
            "", f"this desk of {contact.role!r} is there twice", "give each desk once per region"
        )
    parts.contacts.append(contact)


def _read_example(table: Table, parts: Parts) -> None:
    table.text("name", default="")
    with Table(table.field("case"), f"{table.path}.case", parts.faults) as of:
        layer = of.text("layer", default="application")
        if layer and layer not in _LAYERS:
            of.fault("layer", f"there is no layer {layer!r}", known_names(layer, _LAYERS))
        case = Case(
            kind=of.text("kind"),
            stage=of.text("stage", default=""),
            code=of.text("code", default=""),
            component=of.text("component", default=""),
            layer=Layer[layer.upper()] if layer in _LAYERS else Layer.APPLICATION,
            lost=of.number("lost", default=0),
            of=of.number("of", default=0),
        )
    parts.examples.append(
        Example(table.path, case, table.text("issue"), _read_severity_of(table, parts))
    )
