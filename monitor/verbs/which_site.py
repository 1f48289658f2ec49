"""Which of several sites a verb is about: the one that --site names, or that stands in what it is
asked about (`Pune/agent-portal`, `RV-12-Pune`, any ticket's number). A verb that lists things does
so for each site where none is named.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any

from monitor.config import Configuration, one_of
from monitor.ledger import Ledger
from monitor.ledger.server_address import begun
from monitor.terminal import SCREEN, Screen, say, show_json
from monitor.verbs.inside import INSIDE

EACH = frozenset(
    {
        "analysing.list_analyses",
        "backups.list_backups",
        "checklisting.show_checklist",
        "dismissing.outbox",
        "looking.status",
        "maintaining.list_maintenances",
        "reporting.list_reports",
        "ticketing.tickets",
    }
)
"""verbs that list what there is"""
_TITLED = frozenset({"looking.status"})
"""those of them whose page begins with the name of its site"""
_OF_TICKETS = frozenset({"analysing", "editing", "ticketing"})


def meant(arguments: Namespace, sites: Sequence[Configuration]) -> Configuration:
    """The configuration of the site that a verb is about; what it says of a check or a desk by the
    short name is said by the whole one from now on. Raises ConfigurationFaults.
    """
    found = one_of(sites, _site(arguments, sites))
    for word in ("name", "check"):
        written = getattr(arguments, word, None)
        whole = found.site.scoped(str(written))
        if written and (whole in found.checks or whole in found.desks):
            setattr(arguments, word, whole)
    return found


Read = Callable[[Namespace], tuple[Sequence[Configuration], object]]
"""reads what is sound of all sites, once for a command"""


def of_each(verb: Callable[[Namespace], int], arguments: Namespace, read: Read) -> int:
    """Do it, for each site where it lists and none is named; the gravest exit code."""
    if arguments.verb not in EACH or arguments.site:
        return verb(arguments)
    if len(names := _names(arguments, read)) < 2:
        return verb(arguments)
    asked = [Namespace(**{**vars(arguments), "site": name}) for name in names]
    if not arguments.json:
        codes = []
        for number, one in enumerate(asked):
            title = "" if one.verb in _TITLED else f"== {one.site} =="
            if number or title:
                say(f"{chr(10) if number and title else ''}{title}")
            codes.append(verb(one))
        return max(codes)
    bodies, codes = dict[str, Any](), []
    for one in asked:
        kept = _Kept(SCREEN.get())
        token = SCREEN.set(kept)
        try:
            codes.append(verb(one))
        finally:
            SCREEN.reset(token)
        bodies[one.site] = json.loads(kept.text)
    show_json({"sites": bodies})
    return max(codes)


class _Kept(Screen):
    """Keeps what is shown; all else goes where it goes."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self.text = screen, ""

    def show(self, text: str) -> None:
        """Kept."""
        self.text += text

    def tell(self, text: str) -> None:
        """Told at once."""
        self._screen.tell(text)


def _names(arguments: Namespace, read: Read) -> list[str]:
    inside = INSIDE.get()
    if inside is not None:
        return [one.site.scope for one in inside.configurations]
    sites, _ = read(arguments)
    return [one.site.scope for one in sites]


def _site(arguments: Namespace, sites: Sequence[Configuration]) -> str:
    if arguments.site or len(sites) == 1:
        return str(arguments.site)
    names = [one.site.name for one in sites]
    module = arguments.verb.partition(".")[0]
    # A recording is called as its file is.
    for word in ("check",) if module == "prompts" else ("name", "check"):
        first, slash, _ = str(getattr(arguments, word, None) or "").partition("/")
        if slash and first in names:
            return first
    number = str(getattr(arguments, "number", None) or "")
    if number and module in _OF_TICKETS:
        return _of_ticket(number, sites)
    return _of_letter(number, sites) if number and module == "dismissing" else ""


def _of_letter(written: str, sites: Sequence[Configuration]) -> str:
    """The site of a letter, by the desk that it is for."""
    place = sites[0].ledger_place
    if not begun(place) or not written.isdecimal():
        return sites[0].site.name  # said by the verb itself, in its words
    with Ledger(place, read_only=True) as ledger:
        row = ledger.letter(int(written))
    return row.desk.partition("/")[0] if row is not None else sites[0].site.name


def _of_ticket(written: str, sites: Sequence[Configuration]) -> str:
    """The site of a ticket: as its number says, or as the ledger knows."""
    # Only then: most verbs name no ticket.
    from monitor.incidents.ticket_view import number_of, site_of

    if named := site_of(written):
        return named
    place = sites[0].ledger_place
    try:
        number = number_of(written)
    except ValueError:
        return sites[0].site.name  # said by the verb itself, in its words
    if not begun(place):
        return ""
    with Ledger(place, read_only=True) as ledger:
        row = ledger.incident(number)
    return row.site if row is not None else sites[0].site.name
