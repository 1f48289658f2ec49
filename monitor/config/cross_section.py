"""What one section says of another: names that must exist, circles that must not, and what is
probably not meant.

The faults are found in what is written, good or not, so that a faulty check is not also called a
missing one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from checks.fault_codes import NARROWED
from checks.settings import nearest, shown
from monitor.config.configuration import Configuration, secrets_in, sections, tables_in
from monitor.config.desk_owners import owners_of_nobody
from monitor.config.errors.explanation import Found, offer
from monitor.config.fault_list import dotted
from monitor.config.model_reader import Table
from monitor.config.odd_values import odd_values
from monitor.config.page import page_doubts
from monitor.config.sites import SiteTables
from monitor.config.whom_it_tells import nobody_told

# As many as fit a line of a terminal.
_MOST_NAMED = 8


def diagnoses(tables: Table) -> Iterator[Found]:
    """`diagnose` names other checks, and never leads back to its own."""
    checks = tables.get("checks")
    asked = (
        {name: _texts(table, "diagnose") for name, table in checks.items()}
        if isinstance(checks, dict)
        else {}
    )
    told: set[frozenset[str]] = set()
    for name, others in asked.items():
        for number, other in others:
            place = ("checks", name, "diagnose", number)
            if other == name:
                yield Found(
                    place, "a check does not diagnose itself", "name the checks of the layers below"
                )
            elif other not in asked:
                hint = nearest(other, others_of := [one for one in asked if one != name])
                known = f"name one of {', '.join(others_of[:_MOST_NAMED])}" if others_of else ""
                hint = hint or f"; write that too, or {known or 'leave the name out'}"
                yield Found.said(place, f"there is no [checks.{other[:60]}]{hint}")
            # Every check of a circle finds it: it is told at the first of them.
            elif (circle := _circle(name, other, asked)) and frozenset(circle) not in told:
                told.add(frozenset(circle))
                yield Found(
                    place, f"goes round in a circle: {' -> '.join(circle)}", "leave one of them out"
                )


def _circle(name: str, other: str, asked: Mapping[str, list[tuple[int, str]]]) -> list[str]:
    """The way from a check over another one back to itself; [] if there is none."""
    # By ways and not by names alone, so that the circle can be shown as it runs.
    ways, seen = [[name, other]], {name, other}
    while ways:
        way = ways.pop(0)
        for _, step in asked.get(way[-1], ()):
            if step == name:
                return [*way, name]
            if step not in seen:
                seen.add(step)
                ways.append([*way, step])
    return []


def audited(tables: Table) -> Iterator[Found]:
    """The audit's parts are checks that there are."""
    checks = tables.get("checks")
    names = list(checks) if isinstance(checks, dict) else []
    for number, name in _texts(tables.get("audit"), "checks"):
        if name not in names:
            yield Found.said(
                ("audit", "checks", number), f"there is no [checks.{name[:60]}]{offer(name, names)}"
            )


def shared_names(tables: Table) -> Iterator[Found]:
    """A line's name is what its channels are counted by, so no agent may have the same."""
    lines, agents = (tables.get(section) for section in ("lines", "agents"))
    if isinstance(lines, dict) and isinstance(agents, dict):
        for name in (name for name in agents if name in lines):
            yield Found(
                ("agents", name),
                f"there is a [lines.{name}] too",
                "give each account a name of its own",
            )


def globs(tables: Table) -> Iterator[Found]:
    """Each pattern of a maintenance window means at least one check."""
    windows, checks = tables.get("maintenance"), tables.get("checks")
    names = list(checks) if isinstance(checks, dict) else []
    for number, window in enumerate(windows if isinstance(windows, list) else ()):
        for position, pattern in _texts(window, "checks"):
            # "*" is right before there is any check; another pattern without one is a slip of the
            # pen.
            if pattern != "*" and not any(fnmatchcase(name, pattern) for name in names):
                place = ("maintenance", number, "checks", position)
                yield Found.said(
                    place, f"no check is called {shown(pattern)}{offer(pattern, names)}"
                )


def _texts(table: object, key: str) -> list[tuple[int, str]]:
    written = table.get(key) if isinstance(table, dict) else None
    return (
        [(n, text) for n, text in enumerate(written) if isinstance(text, str)]
        if isinstance(written, list)
        else []
    )


def warnings(configuration: Configuration, of: SiteTables | None = None) -> list[Found]:
    """What is allowed, and probably not meant; what is said of several things in the same words is
    one of them. `of`: where the tables of one site of several stand.
    """
    found = [
        *_idle(configuration),
        *_looked_at_by_nobody(configuration),
        *_kept_for_nobody(configuration),
        *nobody_told(configuration),
        *owners_of_nobody(configuration),
        *_secrets_not_there(configuration),
        *_passwords_in_the_clear(configuration),
        *_hosts_without(configuration),
        *_older_codes(configuration),
        *_old_words(configuration),
        *odd_values(configuration),
        *page_doubts(configuration.page),
    ]
    alike: dict[tuple[str, str], list[Found]] = {}
    for one in map(of.found, found) if of else found:
        alike.setdefault((one.wrong, one.right), []).append(one)
    return [_together(several) for several in alike.values()]


def _together(several: list[Found]) -> Found:
    """One line for all of them, at the first place: forty portals with one mistake are one
    mistake.
    """
    first = several[0]
    if len(several) == 1:
        return first
    return replace(first, path=", ".join(dotted(one.place) for one in several))


def places_alone(tables: Table) -> Iterator[Found]:
    """`from` names hosts of one ledger; a ledger that is a file has one."""
    ledger, checks = tables.get("ledger"), tables.get("checks")
    if isinstance(ledger, dict) and "url" in ledger:
        return
    for name, table in checks.items() if isinstance(checks, dict) else ():
        if isinstance(table, dict) and "from" in table:
            yield Found(
                ("checks", name, "from"),
                "a ledger that is a file has one host, and cannot be looked at from several places",
                "write [ledger] url, the database that they share, or leave it out",
            )


def _looked_at_by_nobody(configuration: Configuration) -> Iterator[Found]:
    """A check that names hosts of a ledger which only this one has."""
    if configuration.ledger.url is not None:
        return
    for name, entry in configuration.checks.items():
        if not configuration.probe.serving.looks_at(configuration.site.name, entry.probes):
            yield Found(
                ("checks", name, "probes") if entry.probes else ("probe", "sites"),
                "this host is none of them, and no other works on this ledger: nobody looks",
                "name this one in [probe], or write [ledger] url",
            )


def _kept_for_nobody(configuration: Configuration) -> Iterator[Found]:
    """A place for other hosts' sake, where there is no other host."""
    if configuration.evidence is not None and configuration.ledger.url is None:
        yield Found(
            ("evidence",),
            "a ledger that is a file has one host: its evidence lies there and nowhere else",
            "write [ledger] url, or leave it out",
        )


def _old_words(configuration: Configuration) -> Iterator[Found]:
    """Tables written in a word of before, which a later release takes for something else."""
    for name, entry in configuration.checks.items():
        for place, table in tables_in(entry.probe, ("checks", name)):
            if table.OUTDATED is not None:
                key, wrong, right = table.OUTDATED
                yield Found((*place, key), wrong, right)


def _older_codes(configuration: Configuration) -> Iterator[Found]:
    """A rule of the site's own policy that was written when a code took more than it does now."""
    for rule in configuration.policy.rules:
        codes = dict(rule.when).get("code", ())
        for old, narrower in NARROWED.items():
            # A policy of the site's own may be older than the code that a check now gives, and
            # would silently stop to fit.
            missing = [new for new in narrower if not any(fnmatchcase(new, code) for code in codes)]
            if missing and old in codes:
                wrong = (
                    f"rule {rule.name!r} takes the code {old!r}, which some checks now call"
                    f" {', '.join(missing)}"
                )
                right = f'if it shall take those too, write "{"|".join([old, *missing])}"'
                yield Found(("site", "policy"), wrong, right)


def _idle(configuration: Configuration) -> Iterator[Found]:
    if not configuration.checks:
        yield Found(("checks",), "there is no check yet", "write [checks.NAME]")
    named = {other for entry in configuration.checks.values() for other in entry.diagnose}
    for name, entry in configuration.checks.items():
        if entry.timetable is None and name not in named:
            right = "write 'at' or 'every', or name it in another's 'diagnose'"
            yield Found(("checks", name), "runs only by hand", right)


def _secrets_not_there(configuration: Configuration) -> Iterator[Found]:
    """A credential is only there when systemd starts the daemon: without its folder nothing can be
    said of it.
    """
    for section, entries in sections(configuration).items():
        for place, secret in secrets_in(entries, (section,)):
            # Only systemd fills the folder of credentials, for the service: `check-config` in a
            # shell cannot see it.
            if secret.credential is not None and "CREDENTIALS_DIRECTORY" not in os.environ:
                continue
            try:
                secret.reveal()
            except LookupError as error:
                yield Found(place, str(error.args[0]))


def _passwords_in_the_clear(configuration: Configuration) -> Iterator[Found]:
    for name, entry in configuration.checks.items():
        for place, table in tables_in(entry.probe, ("checks", name)):
            if said := table.in_the_clear():
                yield Found.said(place, said)


def _hosts_without(configuration: Configuration) -> Iterator[Found]:
    """A program that a check needs and this host does not have: until it is there, the check can
    tell nothing.
    """
    for name, entry in configuration.checks.items():
        if said := entry.probe.lacks():
            at = (entry.probe.LACKS_AT,) if entry.probe.LACKS_AT else ()
            yield Found.said(("checks", name, *at), said)


WRITTEN = (shared_names, diagnoses, globs, audited, places_alone)
"""what is looked for in what is written, good or not"""
