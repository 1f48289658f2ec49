"""A configuration that was read and found good: frozen values, nothing left to look up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path

from checks.contract import Check
from checks.settings import Secret, Settings
from checks.telephony.call.line import Line
from monitor.config.evidence import EvidenceSettings
from monitor.config.fault_list import Fault, Place, dotted
from monitor.config.ledger import LedgerSettings
from monitor.config.model_introspection import fields
from monitor.config.page import DeadMan, Page
from monitor.config.probe import Probe
from monitor.config.section_models import Audit, Person, Site
from monitor.core.maintenance import Window
from monitor.core.policy import Policy
from monitor.core.rota import Rota
from monitor.core.timetable import Timetable
from monitor.core.verdict import Expectation
from monitor.desks.desk import DeskSettings, Takes
from monitor.ledger.server_address import Place as LedgerPlace


@dataclass(frozen=True, slots=True)
class CheckEntry:
    """A check and how it is run. All times are seconds."""

    name: str
    probe: Check
    at: tuple[time, ...]
    """wall times of the site; () when it has none"""
    every: float | None
    timetable: Timetable | None
    """what `at` or `every` come to; None: it runs by hand, or when another check's failure is
    diagnosed
    """
    expect: tuple[Expectation, ...]
    warn: tuple[Expectation, ...]
    confirm: int
    confirm_after: float
    recover: int
    recheck: float
    diagnose: tuple[str, ...]
    component: str
    severity: str
    """the least severity of its failures; "" where the policy alone decides"""
    limit: float
    """the time limit of one attempt; the probe's own longest where none was written"""
    grace: float
    probes: tuple[str, ...] = ()
    """names or tags of the hosts that may look at it; () for any"""
    places: tuple[str, ...] = ()
    """hosts that all look at it, each from its place; () where one look is enough"""
    agree: int = 1
    """how many of the places have to see a failure"""


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of one site's settings."""

    file: Path
    directory: Path
    """the file's folder: what relative paths count from"""
    state: Path
    keep_evidence: float
    """seconds"""
    site: Site
    people: tuple[Person, ...]
    lines: Mapping[str, Line]
    agents: Mapping[str, Line]
    checks: Mapping[str, CheckEntry]
    maintenance: tuple[Window, ...]
    desks: Mapping[str, DeskSettings]
    audit: Audit | None
    policy: Policy
    rotas: tuple[Rota, ...] = ()
    """who of a role is on call, where it has one"""
    administrators: str = "reveille"
    """the group whose members may act through the daemon's control socket"""
    page: Page | None = None
    dead_man: DeadMan | None = None
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    probe: Probe = field(default_factory=Probe)
    most_evidence_megabytes: float = 4000.0
    evidence: EvidenceSettings | None = None
    """where evidence goes that is too large for a ledger of several hosts"""
    included: tuple[Path, ...] = ()
    """the files that it includes"""
    warnings: tuple[Fault, ...] = ()
    """what is allowed, and probably not meant"""
    digest: str = ""
    """which tables it was read from (in_brief.py)"""

    @property
    def ledger_place(self) -> LedgerPlace:
        """Where the ledger lies: a file of the state folder, or a server's database."""
        return self.ledger.place(self.state)

    def desks_taking(self, what: Takes) -> tuple[str, ...]:
        """The names of the desks that take it, in file order. People hear through the first of
        theirs alone."""
        return tuple(name for name, desk in self.desks.items() if what in desk.TAKES)

    def roles_filled(self) -> frozenset[str]:
        """The roles of which somebody is told: by mail, or by telephone where a desk calls."""
        calls = bool(self.desks_taking("pages"))
        return frozenset(one.role for one in self.people if one.mail or (calls and one.phone))


def together(sites: Sequence[Configuration]) -> Configuration:
    """All sites as one, for what is of the host: its service, its ledger, its image."""
    first = sites[0]
    if not first.site.several:
        return first
    names = ", ".join(one.site.name for one in sites)
    # A policy is named by a word, or by the path of a file.
    policies = {one.directory / one.site.policy for one in sites}
    return dataclasses.replace(
        first,
        site=first.site.model_copy(update={"name": names, "several": False}),
        included=(*first.included, *sorted(one for one in policies if one.is_file())),
        people=tuple(dict.fromkeys(one for site in sites for one in site.people)),
        lines={line.name: line for site in sites for line in site.lines.values()},
        agents={agent.name: agent for site in sites for agent in site.agents.values()},
        checks={name: entry for site in sites for name, entry in site.checks.items()},
        desks={name: desk for site in sites for name, desk in site.desks.items()},
    )


def sections(configuration: Configuration) -> dict[str, object]:
    """The settings of every section there is, by its name: whoever looks for secrets or files looks
    through all of them.
    """
    found = {
        one.name: getattr(configuration, one.name) for one in dataclasses.fields(Configuration)
    }
    return found | {"checks": {name: entry.probe for name, entry in configuration.checks.items()}}


def files_named(configuration: Configuration) -> Iterator[tuple[str, Path]]:
    """Every file there is that settings name, with its place as one writes it; secrets' too."""
    for section, settings in sections(configuration).items():
        for place, table in tables_in(settings, (section,)):
            for key in fields(type(table)):
                path = getattr(table, key, None)
                if isinstance(path, Path) and path.is_file():
                    yield dotted((*place, key)), path


def secrets_in(settings: object, place: Place) -> Iterator[tuple[Place, Secret]]:
    """Every secret that settings refer to, with its place."""
    for where, table in tables_in(settings, place):
        if isinstance(table, Secret):
            yield where, table


def tables_in(settings: object, place: Place) -> Iterator[tuple[Place, Settings]]:
    """Every table of settings, with its place, from the outside in. A line that a check names is
    not looked into.
    """
    # A line that a check names stands in [lines] too: its password is asked for there, once.
    if isinstance(settings, Settings) and not (isinstance(settings, Line) and len(place) > 2):
        yield place, settings
        names = {field.alias or name: name for name, field in type(settings).model_fields.items()}
        for key in fields(type(settings)):
            yield from tables_in(getattr(settings, names[key]), (*place, key))
    elif isinstance(settings, Mapping):
        for key, part in settings.items():
            yield from tables_in(part, (*place, str(key)))
    elif isinstance(settings, tuple | list):
        for number, part in enumerate(settings):
            yield from tables_in(part, (*place, number))
