"""From a file to a Configuration, section by section: one section's faults hide no other's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

from checks.settings import shown
from checks.telephony.call.line import Line
from monitor.config import cross_section, in_brief
from monitor.config.check_tables import read_checks, read_defaults
from monitor.config.configuration import CheckEntry, Configuration
from monitor.config.errors.explanation import Found, offer
from monitor.config.evidence import EvidenceSettings
from monitor.config.fault_list import ConfigurationFaults, Fault, dotted
from monitor.config.inclusion import DEFAULTS, SITES, Whole, whole_of
from monitor.config.ledger import LedgerSettings
from monitor.config.maintenance import Maintenance
from monitor.config.model_reader import Reading, Table, without
from monitor.config.page import DeadMan, Page
from monitor.config.policy import policy_of, sorted_by_checks, words_of_desks
from monitor.config.probe import Probe
from monitor.config.rotas import RotaSettings, uncovered
from monitor.config.section_models import Audit, Person, Site
from monitor.config.sections import SECTIONS, Top
from monitor.config.sites import SiteTables, sites_of
from monitor.config.toml_text import Written, read
from monitor.core.maintenance import Window
from monitor.core.policy import Policy
from monitor.desks.desk import DeskSettings
from monitor.desks.list import desk_kinds

# Where the FHS has the state of a service, and what StateDirectory=reveille of the unit makes.
_DEFAULT_STATE = "/var/lib/reveille"
# As many as fit a line of a terminal.
MOST_NAMED = 8
_NAMES = [section.name for section in SECTIONS]


def load(path: Path | str, site: str = "") -> Configuration:
    """The configuration of a file, of one site where it has several. Raises ConfigurationFaults
    with every fault, in file order.
    """
    return one_of(load_sites(path), site)


def load_sites(path: Path | str) -> tuple[Configuration, ...]:
    """A configuration for each site of a file, in file order. Raises ConfigurationFaults with every
    fault of all of them.
    """
    return understand(read(Path(path)))


def one_of(found: Sequence[Configuration], site: str) -> Configuration:
    """The configuration of the site of this name; the only one without a name. Raises
    ConfigurationFaults.
    """
    names = [one.site.name for one in found]
    # As people type at night: in another case, where only one site is meant.
    if len(same := [name for name in names if name.casefold() == site.casefold()]) == 1:
        return found[names.index(same[0])]
    if site in names:
        return found[names.index(site)]
    if not site and len(found) == 1:
        return found[0]
    wrong, right = f"there is no site {shown(site)}", offer(site, names).removeprefix("; ")
    if not site:
        wrong = f"there are {len(found)} sites"
        right = f"say which: --site {', '.join(names[:MOST_NAMED])}"
    raise ConfigurationFaults(str(found[0].file), [Fault("", wrong, right)])


def understand(written: Written) -> tuple[Configuration, ...]:
    """What was written, with all that it includes: a configuration for each site. Raises
    ConfigurationFaults with every fault, in file order.
    """
    files = whole_of(written)
    parts, found = read_sites(files)
    if found or files.wrong or any(part.configuration is None for part in parts):
        wrong = in_order(found, files)
        raise ConfigurationFaults(str(written.file), (*files.wrong, *wrong))
    included = tuple(one.file for one in files.files[1:])
    good = [(part, part.configuration) for part in parts if part.configuration is not None]
    doubts = [in_order(cross_section.warnings(one, part.of), files) for part, one in good]
    return tuple(
        replace(
            one,
            included=included,
            warnings=_of_all(own, doubts),
            digest=in_brief.digest_of(part.reading.tables, one.state, part.reading.directory),
        )
        for (part, one), own in zip(good, doubts, strict=True)
    )


def _of_all(own: Sequence[Fault], each: Sequence[Sequence[Fault]]) -> tuple[Fault, ...]:
    """The doubts of a site, without those of shared people whom another site's policy tells."""
    everywhere = set.intersection(*({one.path for one in doubts} for doubts in each))
    return tuple(one for one in own if not one.path.startswith("people[") or one.path in everywhere)


@dataclass(frozen=True, slots=True)
class SitePart:
    """What was read of one site."""

    reading: Reading
    configuration: Configuration | None
    of: SiteTables | None = None
    """where its tables stand; None where it is the only one"""


def read_sites(files: Whole) -> tuple[list[SitePart], list[Found]]:
    """What is good of each site, and what was found wrong, by its place in the whole."""
    parts, found = _read(files)
    return parts, [*found, *_no_such_sites([part.configuration for part in parts])]


def _no_such_sites(sites: Sequence[Configuration | None]) -> Iterator[Found]:
    """Sites that this host is to look at, and nobody wrote."""
    good = [one for one in sites if one is not None]
    names = [one.site.name for one in good]
    for number, name in enumerate(good[0].probe.sites if len(good) == len(sites) else ()):
        if name not in names:
            place = ("probe", "sites", number)
            yield Found(place, f"there is no site {shown(name)}", offer(name, names)[2:])


def _read(files: Whole) -> tuple[list[SitePart], list[Found]]:
    file = files.main.file
    directory = file.absolute().parent
    if SITES not in files.tables:
        reading = Reading(files.tables, directory)
        return [SitePart(reading, whole(reading, file))], reading.found
    parts = list[SitePart]()
    sites, found = sites_of(files.tables)
    for of in sites:
        reading = Reading(of.tables, directory, of.own_name)
        parts.append(SitePart(reading, whole(reading, file), of))
        found += map(of.found, reading.found)
    return parts, found


def whole(reading: Reading, file: Path) -> Configuration | None:
    """What is good of it, all of it if nothing was found; None where site, policy or what stands
    above them cannot be had."""
    tables = reading.tables
    top = reading.model((), Top, without(tables, _NAMES), keys=_NAMES)
    state = reading.directory / ((top.state if top else None) or _default_state())
    # Known before the checks are read: backups are sealed with a key that lies there.
    reading.context["state"] = str(state)
    site = reading.model(("site",), Site, tables.get("site", {}))
    if site is not None:
        site = site.model_copy(update={"several": SITES in tables})
        # Known before the checks are read: some of them take a time of day in the zone of the site.
        reading.context["timezone"] = site.timezone
    read_defaults(reading)
    people = reading.entries("people", Person)
    # Known before the desks are read: one that telephones dials nobody else.
    reading.context["people"] = people
    rotas = _rotas(reading, people)
    lines, agents = reading.referable("lines", Line), reading.referable("agents", Line)
    brief = in_brief.known(site.name if site else "", tables, state, reading.directory)
    checks = read_checks(reading, site, brief)
    maintenance = reading.entries("maintenance", Maintenance)
    desks = _desks(reading, brief)
    audit, page = reading.once("audit", Audit), reading.once("page", Page)
    ledger, dead_man = reading.once("ledger", LedgerSettings), reading.once("dead_man", DeadMan)
    probe, evidence = reading.once("probe", Probe), reading.once("evidence", EvidenceSettings)
    # Looked for in what is written: these are told together with the faults of each section.
    for look in cross_section.WRITTEN:
        reading.found += look(tables)
    policy = _policy(reading, site, checks, {} if brief["desks"] else desks) if site else None
    if top is None or site is None or policy is None:
        return None
    return Configuration(
        file=file,
        directory=reading.directory,
        state=state,
        keep_evidence=top.keep_evidence,
        site=site,
        people=tuple(people),
        lines=lines,
        agents=agents,
        checks=checks,
        maintenance=tuple(_scoped_window(site, window) for window in maintenance),
        desks={site.scoped(name): desk for name, desk in desks.items()},
        audit=audit and _scoped_audit(site, audit),
        policy=policy.at(site.timezone, site.days_off),
        rotas=tuple(rota.rota(role, site.timezone) for role, rota in rotas.items()),
        administrators=top.administrators,
        page=page,
        dead_man=dead_man,
        ledger=ledger or LedgerSettings(),
        probe=probe or Probe(),
        most_evidence_megabytes=top.most_evidence_megabytes,
        evidence=evidence,
    )


def _rotas(reading: Reading, people: Sequence[Person]) -> dict[str, RotaSettings]:
    made = {
        role: rota
        for role, table in reading.named("rotas")
        if (rota := reading.model(("rotas", role), RotaSettings, table)) is not None
    }
    reading.found += uncovered(made, people)
    return made


def _scoped_window(site: Site, written: Maintenance) -> Window:
    window = written.window(site.timezone)
    return replace(window, checks=tuple(map(site.scoped, window.checks)))


def _scoped_audit(site: Site, audit: Audit) -> Audit:
    return audit.model_copy(update={"checks": tuple(map(site.scoped, audit.checks))})


def _policy(
    reading: Reading,
    site: Site,
    checks: Mapping[str, CheckEntry],
    desks: Mapping[str, DeskSettings],
) -> Policy | None:
    """The policy of a site, whose words checks and desks use."""
    policy = policy_of(reading, site.policy)
    if policy is not None:
        policy = sorted_by_checks(reading, policy, checks)
        words_of_desks(reading, policy, desks)
    return policy


def _default_state() -> str:
    """systemd's StateDirectory=, the first if there are several."""
    return os.environ.get("STATE_DIRECTORY", "").split(":")[0] or _DEFAULT_STATE


def _desks(reading: Reading, brief: in_brief.Brief) -> dict[str, DeskSettings]:
    made = dict[str, DeskSettings]()
    for name, table in reading.named("desks"):
        read = partial(_desk, reading, name, table)
        if facts := brief["desks"].get(name):
            stand_in = in_brief.InBrief(facts, partial(reading.again, ("desks", name), read))
            made[name] = cast(DeskSettings, stand_in)
        elif (desk := read()) is not None:
            made[name] = desk
    return made


def _desk(reading: Reading, name: str, table: Table) -> DeskSettings | None:
    place = ("desks", name)
    kind = reading.kind(place, table, desk_kinds())
    return reading.model(place, kind, without(table, ["kind"]), keys=["kind"]) if kind else None


def in_order(found: Iterable[Found], files: Whole) -> tuple[Fault, ...]:
    """What was found, each once, by its file and its place there."""
    told: dict[tuple[int, int, Fault], None] = {}
    of_defaults = set[str]()
    for one in found:
        written, place = files.home(one.place)
        path = one.path or dotted(place)
        file = "" if written is files.main else str(written.file)
        fault = Fault(path, one.wrong, one.right, written.places.line(place), file)
        # Each check that takes a default over finds its fault, some in words of their own.
        if DEFAULTS in place[:3:2]:
            if path in of_defaults:
                continue
            of_defaults.add(path)
        # Members of a union may find the same fault at the same place: it is told once.
        told[files.files.index(written), written.places.offset(place), fault] = None
    return tuple(fault for _, _, fault in sorted(told, key=lambda key: key[:2]))
