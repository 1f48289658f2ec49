"""Whom a configuration tells, and whom it only seems to: people without a desk that mails, roles
that nobody fills, a second desk that nothing goes through.

Rule: nobody is told but the people of the site. What nobody is told of is said now, and not found
out in the night.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from checks.settings import nearest, shown
from monitor.config.configuration import Configuration
from monitor.config.errors.explanation import Found, offer
from monitor.config.section_models import OPERATORS
from monitor.core.incident_terms import CUSTOMER
from monitor.core.policy import Policy
from monitor.desks.list import desk_kinds


def nobody_told(configuration: Configuration) -> Iterator[Found]:
    """Each thing that is told to nobody, with what would be right."""
    yield from _without_a_desk(configuration)
    yield from _not_telephoned(configuration)
    yield from _on_call_in_vain(configuration)
    yield from _roles_not_told(configuration)
    yield from _roles_not_filled(configuration)
    yield from _region(configuration)


def _without_a_desk(configuration: Configuration) -> Iterator[Found]:
    """Whom a ticket or a report is for, and no desk that takes it there."""
    if not configuration.desks:
        yield Found(("desks",), "there is no desk: nobody is sent a ticket", "write [desks.NAME]")
        return
    if mailing := configuration.desks_taking("people"):
        yield from _in_vain(configuration, mailing)
        return
    right = f"write [desks.NAME] with kind = {_mailers()}"
    helpdesk = configuration.desks_taking("tickets")
    told = "only the helpdesk is told" if helpdesk else "nobody is told"
    if configuration.desks_taking("pages"):
        told = "they are told by telephone alone"
    if any(person.mail for person in configuration.people):
        yield Found(("desks",), f"people have mail addresses, and no desk mails: {told}", right)
    elif not helpdesk and not configuration.desks_taking("pages"):
        yield Found(("desks",), "no desk sends anything: nobody is told", right)
    if configuration.audit is not None:
        yield Found(("audit", "to"), "no desk mails: nobody gets the report", right)


def _not_telephoned(configuration: Configuration) -> Iterator[Found]:
    """What a desk that telephones is for, and whom it cannot reach."""
    paging = configuration.desks_taking("pages")
    for name in paging[1:]:
        wrong = f"nothing goes through it: [desks.{paging[0]}] is the first that telephones"
        yield Found(("desks", name), wrong, "leave it out; one desk may have several lines")
    for name in paging[:1]:
        if not any(person.phone for person in configuration.people):
            right = "write phone = '+912212345678' beside the role of whoever is to be called"
            yield Found(("desks", name), "nobody in [[people]] has a phone: it calls nobody", right)
            return
        yield from _too_few_channels(configuration, name)
        yield from _without_a_number(configuration, name)


def _too_few_channels(configuration: Configuration, desk: str) -> Iterator[Found]:
    """A conference to which a line cannot call everybody of a level."""
    settings = configuration.desks[desk]
    numbers = Counter(person.role for person in configuration.people if person.phone)
    if not numbers or not any(settings.confers(one.id) for one in configuration.policy.severities):
        return
    (role, most), *_ = numbers.most_common(1)
    for number, line in enumerate(getattr(settings, "lines", ())):
        if line.channels < most:
            wrong = f"line {line.name!r} has {line.channels} of its channels for Reveille, and"
            wrong += f" {most} people with the role {role!r} would be called at once"
            right = "write more `channels` there, or fewer people here"
            yield Found(("desks", desk, "lines", number), wrong, right)


def _without_a_number(configuration: Configuration, desk: str) -> Iterator[Found]:
    """Levels whose people are mailed, and asleep."""
    roles = {person.role for person in configuration.people if person.phone}
    mailed = {person.role for person in configuration.people if person.mail}
    silent = [one for one in configuration.policy.roles if one in mailed and one not in roles]
    if silent:
        several = len(silent) > 1
        wrong = (
            f"nobody with the role{'s' if several else ''} {', '.join(map(repr, silent))} has a"
            f" phone: [desks.{desk}] calls nobody of {'those levels' if several else 'that level'}"
        )
        right = "write phone = '+912212345678' beside one of them, if a mail will not do at night"
        yield Found(("people",), wrong, right)


def _on_call_in_vain(configuration: Configuration) -> Iterator[Found]:
    """Weeks in which whoever is on call is not told, or not called."""
    paging, mailing = (bool(configuration.desks_taking(what)) for what in ("pages", "people"))
    for rota in configuration.rotas:
        who = {p.name or p.role: p for p in configuration.people if p.role == rota.role}
        for number, name in enumerate(rota.turn):
            person, place = who[name], ("rotas", rota.role, "turn", number)
            if not (mailing and person.mail) and not (paging and person.phone):
                wrong = f"nobody is told while {name} is on call: no desk has a way there"
                yield Found(place, wrong, "write a mail address, and [desks.NAME] that mails")
            elif paging and not person.phone:
                wrong = f"nobody is called while {name} is on call: there is no phone"
                yield Found(place, wrong, "write phone = '+912212345678' in [[people]]")


def _in_vain(configuration: Configuration, mailing: tuple[str, ...]) -> Iterator[Found]:
    for name in mailing[1:]:
        # Copies are what a second mail desk is for; without any, nothing ever goes through it.
        if not configuration.desks[name].copies():
            first = f"people hear through [desks.{mailing[0]}], the first that mails"
            yield Found(
                ("desks", name),
                f"nothing goes through it: {first}",
                "leave it out, or write who gets copies through it",
            )


def _mailers() -> str:
    """The kinds of desk that take letters to people, as they are written."""
    kinds = [shown(kind) for kind, desk in desk_kinds().items() if "people" in desk.TAKES]
    return " or ".join(kinds)


def _roles_not_told(configuration: Configuration) -> Iterator[Found]:
    policy = configuration.policy
    for number, person in enumerate(configuration.people):
        if person.role not in (*policy.roles, OPERATORS, CUSTOMER):
            wrong = f"no ladder of policy {policy.name!r} tells {shown(person.role)}"
            yield Found.said(
                ("people", number, "role"),
                wrong + offer(person.role, dict.fromkeys([*policy.roles, OPERATORS, CUSTOMER])),
            )


def _roles_not_filled(configuration: Configuration) -> Iterator[Found]:
    """All of them in one line: the operators have a first level that reaches nobody, and the ticket
    of any other until the next takes it.
    """
    policy = configuration.policy
    told = configuration.roles_filled()
    missing = [role for role in policy.roles if role not in told]
    if not missing:
        return
    one = len(missing) == 1
    named = ", ".join(map(repr, missing))
    if one:
        named += f" ({', '.join(_levels(policy, missing[0]))})"
    wrong = f"nobody with a mail address has the role{'' if one else 's'} {named}"
    if OPERATORS in missing:
        wrong += ": nobody is told" if one else ": they fall to the operators, who are nobody"
    else:
        wrong += f": {'it falls' if one else 'they fall'} to the operators"
    right = f'write [[people]] with role = "{missing[0]}" and a mail address'
    yield Found(
        ("people",),
        wrong,
        right
        + ("" if one else ", and so on")
        + _published(policy, missing, configuration.site.region),
    )


def _published(policy: Policy, roles: list[str], region: str) -> str:
    """The strangers who might be taken for a route."""
    desks = [desk for role in roles for desk in policy.contacts(role, region)]
    ways = dict.fromkeys(desk.mail for desk in desks if desk.mail)
    if not ways:
        return ""
    return f" ({', '.join(ways)}: published by policy {policy.name!r}, never told)"


def _levels(policy: Policy, role: str) -> Iterator[str]:
    for ladder in policy.ladders:
        for level in ladder.levels:
            if level.role == role:
                yield f"level {level.number} of {ladder.name!r}"


def _region(configuration: Configuration) -> Iterator[Found]:
    """A region that the policy has no word for."""
    policy, region = configuration.policy, configuration.site.region
    if region and policy.regions and region not in policy.regions:
        hint = nearest(region, policy.regions) or f"; it knows {', '.join(sorted(policy.regions))}"
        yield Found.said(
            ("site", "region"), f"policy {policy.name!r} knows no region {shown(region)}{hint}"
        )
