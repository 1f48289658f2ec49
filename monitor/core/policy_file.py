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

from checks.contract import Layer
from monitor.core.failure import Case
from monitor.core.policy_consistency import check_contacts, check_examples, check_rules
from monitor.core.policy_ladders import read_ladders
from monitor.core.policy_parts import Example, Parts
from monitor.core.policy_promises import read_calendars, read_severities
from monitor.core.policy_rules import FIELDS, Rule
from monitor.core.policy_terms import Contact, Issue, LossLimit, Owner
from monitor.core.table_reader import Table, keep_once, known_names

_LAYERS = tuple(layer.name.lower() for layer in Layer)


def read_parts(body: Mapping[str, object], house: Mapping[str, object]) -> Parts:
    """Everything of the policy and the house that could be read, and every fault."""
    parts = Parts()
    with Table(body, "", parts.faults) as top:
        _read_heading(top, parts)
        read_severities(top, parts)
        # The house's rules go first: what Reveille says of itself must not fall to a vendor's rule
        # for everything else.
        if house:
            with Table(house, "house", parts.faults) as own:
                _read_body(own, parts)
        _read_body(top, parts)
        parts.formal = _named_ladder(top, "formal_ladder", parts)
        parts.requests = _named_ladder(top, "requests_ladder", parts)
        check_rules(top, parts)
        check_contacts(parts)
    check_examples(parts)
    return parts


def _read_heading(top: Table, parts: Parts) -> None:
    parts.name, parts.version = top.text("name"), top.text("version")
    parts.title, parts.source = top.text("title"), top.text("source")
    read_calendars(top, parts)


def _named_ladder(top: Table, key: str, parts: Parts) -> str:
    name = top.text(key, default="")
    if name and name not in parts.ladders:
        top.fault(key, f"there is no ladder {name!r}", known_names(name, tuple(parts.ladders)))
    return name


def _read_body(table: Table, parts: Parts) -> None:
    """What a policy and the house both have."""
    for entry in table.tables("owner", "id"):
        promises = entry.field("promises")
        if promises not in (None, True, False):
            entry.fault("promises", f"{promises!r} does not do", "write true or false")
        owner = Owner(entry.text("id"), entry.text("title"), promises is not False)
        keep_once(entry, "id", owner.id, owner, parts.owners)
    read_ladders(table, parts)
    for entry in table.tables("issue", "id", required=True):
        issue = _read_issue(entry, parts)
        keep_once(entry, "id", issue.id, issue, parts.issues)
    for entry in table.tables("rule", "name", required=True):
        parts.rules.append(_read_rule(entry, parts))
    for entry in table.tables("contact", "role"):
        _read_contact(entry, parts)
    for entry in table.tables("example", "name"):
        _read_example(entry, parts)


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
