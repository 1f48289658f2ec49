"""Whom `owners` of a desk speak of: people of [[people]], users of the page, people of another desk
("asha at helpdesk"), and accounts of this host, which nobody can list beforehand.

Rule: an account of a host is one word without "@". Whatever else is nobody's name has been written
wrongly, and so has, probably, what is nearly somebody's.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.settings import nearest, shown
from monitor.config.configuration import Configuration
from monitor.config.errors.explanation import Found
from monitor.core.incident_terms import CUSTOMER


def owners_of_nobody(configuration: Configuration) -> Iterator[Found]:
    """Each person in `owners` of a desk who takes no ticket under that name."""
    known = _names(configuration)
    for desk, settings in configuration.desks.items():
        for person in getattr(settings, "owners", {}):
            if wrong := _wrong(configuration, desk, person, known):
                yield Found(("desks", desk, "owners", person), *wrong)


def _names(configuration: Configuration) -> list[str]:
    """What tickets call whoever takes them (monitor/incidents/answers.py, monitor/page)."""
    people = [one for one in configuration.people if one.role != CUSTOMER]
    users = configuration.page.users if configuration.page else ()
    return [*(one.name or str(one.mail or one.phone) for one in people), *(u.name for u in users)]


def _wrong(
    configuration: Configuration, own: str, person: str, known: list[str]
) -> tuple[str, str] | None:
    """What is wrong with a name, and what would be right; None where nothing is."""
    if person.casefold() in {name.casefold() for name in known}:
        return None
    for one in configuration.people:
        if one.name and person.casefold() in {str(one.mail).casefold(), str(one.phone).casefold()}:
            return f"tickets call {shown(person)} by the name", f"write {shown(one.name)}"
    _, at, desk = person.rpartition(" at ")
    if at and desk in configuration.desks:
        tables = configuration.desks.items()
        other = next((n for n, one in tables if n != own and hasattr(one, "owners")), "NAME")
        right = f"name who takes it elsewhere, as in 'asha at {other}'"
        return ("who takes it there owns it there already", right) if desk == own else None
    near = nearest(person, known)
    if at or near or "@" in person or " " in person:
        right = "write the name in [[people]], of a user of [page], or of an account of this host"
        return f"nobody who takes tickets is called {shown(person)}", near.lstrip("; ") or right
    return None
