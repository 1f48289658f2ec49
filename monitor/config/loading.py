"""From a file to a Configuration, section by section: one section's faults hide no other's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

from checks.telephony.call.line import Line
from monitor.config import cross_section, in_brief
from monitor.config.check_tables import read_checks, read_defaults
from monitor.config.configuration import CheckEntry, Configuration
from monitor.config.errors.explanation import Found
from monitor.config.fault_list import ConfigurationFaults, Fault, dotted
from monitor.config.inclusion import DEFAULTS, Whole, whole_of
from monitor.config.ledger import LedgerSettings
from monitor.config.maintenance import Maintenance
from monitor.config.model_reader import Reading, Table, without
from monitor.config.page import DeadMan, Page
from monitor.config.policy import policy_of, sorted_by_checks, words_of_desks
from monitor.config.probe import Probe
from monitor.config.rotas import RotaSettings, uncovered
from monitor.config.section_models import Audit, Person, Site
from monitor.config.sections import SECTIONS, Top
from monitor.config.toml_text import Written, read
from monitor.core.policy import Policy
from monitor.desks.desk import DeskSettings
from monitor.desks.list import desk_kinds

# Where the FHS has the state of a service, and what StateDirectory=reveille of the unit makes.
_DEFAULT_STATE = "/var/lib/reveille"
_NAMES = [section.name for section in SECTIONS]


def load(path: Path | str) -> Configuration:
    """The configuration of a file. Raises ConfigurationFaults with every fault, in file order."""
    return understand(read(Path(path)))


def understand(written: Written) -> Configuration:
    """The configuration that was written, with all that it includes. Raises ConfigurationFaults
    with every fault, in file order.
    """
    files = whole_of(written)
    reading = Reading(files.tables, written.file.absolute().parent)
    configuration = whole(reading, written.file)
    if configuration is None or reading.found or files.wrong:
        found = in_order(reading.found, files)
        raise ConfigurationFaults(str(written.file), (*files.wrong, *found))
    return replace(
        configuration,
        included=tuple(one.file for one in files.files[1:]),
        warnings=in_order(cross_section.warnings(configuration), files),
        digest=in_brief.digest_of(reading.tables, configuration.state, reading.directory),
    )


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
        # Known before the checks are read: some of them take a time of day in the zone of the site.
        reading.context["timezone"] = site.timezone
    read_defaults(reading)
    people = reading.entries("people", Person)
    # Known before the desks are read: one that telephones dials nobody else.
    reading.context["people"] = people
    rotas = {
        role: rota
        for role, table in reading.named("rotas")
        if (rota := reading.model(("rotas", role), RotaSettings, table)) is not None
    }
    reading.found += uncovered(rotas, people)
    lines, agents = reading.referable("lines", Line), reading.referable("agents", Line)
    brief = in_brief.known(site.name if site else "", tables, state, reading.directory)
    checks = read_checks(reading, site, brief)
    maintenance = reading.entries("maintenance", Maintenance)
    desks = _desks(reading, brief)
    audit, page = reading.once("audit", Audit), reading.once("page", Page)
    ledger, dead_man = reading.once("ledger", LedgerSettings), reading.once("dead_man", DeadMan)
    probe = reading.once("probe", Probe)
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
        maintenance=tuple(window.window(site.timezone) for window in maintenance),
        desks=desks,
        audit=audit,
        policy=policy.at(site.timezone, site.days_off),
        rotas=tuple(rota.rota(role, site.timezone) for role, rota in rotas.items()),
        administrators=top.administrators,
        page=page,
        dead_man=dead_man,
        ledger=ledger or LedgerSettings(),
        probe=probe or Probe(),
        most_evidence_megabytes=top.most_evidence_megabytes,
    )


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
        if place[:1] == (DEFAULTS,):
            if path in of_defaults:
                continue
            of_defaults.add(path)
        # Members of a union may find the same fault at the same place: it is told once.
        told[files.files.index(written), written.places.offset(place), fault] = None
    return tuple(fault for _, _, fault in sorted(told, key=lambda key: key[:2]))
