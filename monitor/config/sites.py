"""Several sites in one configuration: what [sites.NAME] says of one, over what stands outside of
all sites and holds for each.

Rules:
1. What a site says itself goes before what is shared, key by key; a table of another `kind` goes
   before it whole. People are shared role by role: a site that names somebody of a role has its own
   of that role. Maintenance windows add up.
2. A fault is told where it is written: in the site's table, or in the shared one, once.
3. Ledger, page, probe host and what stands above the first section are of all sites together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.settings import shown
from monitor.config.errors.explanation import Found
from monitor.config.fault_list import Place
from monitor.config.inclusion import DEFAULTS, EITHER, SITES, inherited
from monitor.config.model_reader import Table
from monitor.config.section_models import wrong_name

NAMED = ("rotas", "lines", "agents", DEFAULTS, "checks", "desks")
LISTED = ("people", "maintenance")
OF_A_SITE = (*NAMED, *LISTED, "audit")
"""the sections that [sites.NAME] may have"""
# The name of a look under way has 126 bytes (monitor/scheduling/under_way.py), and a check's 63.
MOST_LETTERS = 32


@dataclass(slots=True)
class SiteTables:
    """What is written of one site, as the tables of a file of its own would say it."""

    name: str
    own: Table
    shared: Table
    tables: Table = field(default_factory=dict)
    _inherited: dict[tuple[str, str], str] = field(default_factory=dict)
    # Where each entry of a list is written.
    _entries: dict[tuple[str, int], Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        said = {key: value for key, value in self.own.items() if key not in OF_A_SITE}
        above = self.shared.get("site", {})
        kept = {key: value for key, value in self.shared.items() if key not in (SITES, "site")}
        self.tables = {**kept, "site": {**(above if isinstance(above, dict) else {}), **said}}
        self.tables["site"]["name"] = self.name
        for section in (*NAMED, "audit"):
            if section in self.own:
                self.tables[section] = _over(self.shared.get(section), self.own[section])
        for section in LISTED:
            if section in self.own or section in self.shared:
                self.tables[section] = self._together(section)
        self._inherited = inherited(self.tables)
        # Marks for who reads them that they are of one site among several.
        self.tables[SITES] = {}

    def own_name(self, section: str, name: str) -> str:
        """What a line or agent is called among those of all sites: one that is written for all of
        them is one line, however many call over it.
        """
        tables = self.own.get(section)
        own = isinstance(tables, dict) and name in tables
        return f"{self.name}/{name}" if own else name

    def home(self, place: Place) -> Place:
        """Where a place of the site stands in the whole configuration."""
        place = self._unscoped(place)
        key = (str(place[1]), str(place[2])) if len(place) > 2 else ("", "")
        if place[:1] == ("checks",) and (kind := self._inherited.get(key)):
            place = (DEFAULTS, kind, *place[2:])
        if place[:1] == ("site",):
            return self._told(place, (SITES, self.name), self.own, ("site",))
        if len(place) > 1 and (entry := self._entries.get((str(place[0]), _number(place[1])))):
            return (*entry, *place[2:])
        depth = 2 if place[:1] and place[0] in NAMED else 1
        own = _at(self.own, place[:depth]) if place[:1] and place[0] in OF_A_SITE else None
        if own is None:
            return place
        return self._told(place, (SITES, self.name, *place[:depth]), own, place[:depth])

    def found(self, one: Found) -> Found:
        """What was found in the site's tables, as of the whole configuration."""
        return Found(self.home(one.place), one.wrong, one.right, one.path)

    def _told(self, place: Place, mine: Place, own: object, shared: Place) -> Place:
        rest = place[len(shared) :]
        above = _at(self.shared, shared)
        only_shared = rest and isinstance(above, dict) and rest[0] in above
        here = isinstance(own, dict) and rest[:1] and rest[0] in own
        return (*shared, *rest) if only_shared and not here else (*mine, *rest)

    def _unscoped(self, place: Place) -> Place:
        """With the name of a check or desk as it is written."""
        if len(place) > 1 and isinstance(place[1], str):
            return (place[0], place[1].removeprefix(f"{self.name}/"), *place[2:])
        return place

    def _together(self, section: str) -> object:
        mine, above = self.own.get(section, []), self.shared.get(section, [])
        if not isinstance(mine, list) or not isinstance(above, list):
            return mine if section in self.own else above
        roles = {one.get("role") for one in mine if isinstance(one, dict)}
        made = list[object]()
        for number, one in enumerate(above):
            if section == "people" and isinstance(one, dict) and one.get("role") in roles:
                continue
            self._entries[section, len(made)] = (section, number)
            made.append(one)
        for number, one in enumerate(mine):
            self._entries[section, len(made)] = (SITES, self.name, section, number)
            made.append(one)
        return made


def sites_of(tables: Mapping[str, Any]) -> tuple[list[SiteTables], list[Found]]:
    """The sites of a configuration that has [sites.NAME], and what is wrong with how they are
    written.
    """
    shared, written = dict(tables), tables[SITES]
    if not isinstance(written, dict) or not written:
        return [], [Found((SITES,), "each has a name", "write [sites.NAME]")]
    wrong, made = list(_wrong(shared, written)), []
    for name, own in written.items():
        if isinstance(own, dict) and not wrong_name(name):
            # Told above, by rule 3: what it says there is no part of it.
            mine = {key: one for key, one in own.items() if key not in _SHARED_ALONE}
            made.append(SiteTables(name, mine, shared))
    return made, wrong


_SHARED_ALONE = ("name", "site", "ledger", "page", "probe", "evidence", "dead_man")


def _wrong(shared: Table, written: Table) -> Iterator[Found]:
    above = shared.get("site")
    if isinstance(above, dict) and "name" in above:
        right = "leave it out: [site] says here what all sites have"
        yield Found(("site", "name"), "each site has its own name, in [sites.NAME]", right)
    known: dict[str, str] = {}
    for name, own in written.items():
        place = (SITES, name)
        if wrong := wrong_name(name):
            yield Found.said(place, wrong)
        if len(name) > MOST_LETTERS:
            yield Found(place, "the name is too long", f"at most {MOST_LETTERS} characters")
        if (other := known.setdefault(name.lower(), name)) != name:
            yield Found(
                place, f"differs from {shown(other)} in capitals alone", "name it otherwise"
            )
        if not isinstance(own, dict):
            yield Found(place, "a table belongs here", "write [sites.NAME]")
            continue
        for key in _SHARED_ALONE:
            if key in own:
                right = "its heading says its name" if key in ("name", "site") else ""
                wrong = "a site does not say this" if right else "this is of all sites together"
                yield Found((*place, key), wrong, right or f"write [{key}]")


def _over(shared: object, own: object) -> object:
    """Tables of a section, or keys of one table: the site's own over what is shared."""
    if not isinstance(shared, dict) or not isinstance(own, dict):
        return own
    return {**shared, **{name: _entry_over(shared.get(name), one) for name, one in own.items()}}


def _entry_over(shared: object, own: object) -> object:
    if not isinstance(shared, dict) or not isinstance(own, dict):
        return own
    if own.get("kind", shared.get("kind")) != shared.get("kind"):
        return own
    # A check has one of them: what the site writes takes the place of the other, too.
    displaced = set(EITHER) if set(EITHER) & set(own) else set()
    return {**{key: one for key, one in shared.items() if key not in displaced}, **own}


def _at(tables: object, place: Place) -> object:
    for key in place:
        tables = tables.get(str(key)) if isinstance(tables, dict) else None
    return tables


def _number(part: str | int) -> int:
    return part if isinstance(part, int) else -1
