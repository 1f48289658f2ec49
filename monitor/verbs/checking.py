"""check-config: every fault of the configuration, what is probably not meant, what differs from
the running one, and whether everything that it names opens.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monitor import config
from monitor.clock import SystemClock
from monitor.config import Configuration, ConfigurationFaults, Fault
from monitor.config.configuration import secrets_in
from monitor.config.fault_list import dotted
from monitor.installing.absent import absent
from monitor.installing.layout import this_program
from monitor.service.unit_access import kept_out
from monitor.terminal import complain_folded, say, show_json
from monitor.verbs.on_call import on_call_at
from monitor.verbs.opening import Stop
from monitor.verbs.refusal import in_words
from reports.render import render_text

# What curl(1) and libraries of most languages read, in small letters and in capitals.
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def check_config(arguments: Namespace) -> int:
    """Say every fault of the configuration, of all its sites or of one (--site). 0 good, 2 with all
    faults; with --try 1 where something does not open.
    """
    try:
        every = config.load_sites(arguments.config)
        sites = [config.one_of(every, arguments.site)] if arguments.site else [*every]
    except ConfigurationFaults as faults:
        return _refused(faults, arguments.json)
    found = sites[0]
    of_all = [one for site in sites for one in site.warnings]
    barred = [one for site in sites for one in (*_kept_out(site), *_without_right(site))]
    warnings = tuple(dict.fromkeys([*barred, *of_all, *proxies_passed_over(os.environ)]))
    if arguments.diff is not None:
        return _differs(every, warnings, arguments.diff, arguments.json)
    if arguments.try_:
        # Only then: what is tried brings every kind's own means with it.
        from monitor.verbs.trying import everything_opens

        if not arguments.json:
            warn(found.file, warnings)
        return everything_opens(sites, arguments.json)
    duty = {one.site: on_call_at(one, SystemClock().now()) for one in sites}
    if arguments.json:
        told = [
            {**asdict(one), **({"site": site.name} if site.several else {})}
            for site, people in duty.items()
            for one in people
        ]
        body = {"good": True, "warnings": [plain(w) for w in warnings], "on_call": told}
        show_json({**body, "configuration": _in_force(sites, warnings)})
        return 0
    warn(found.file, warnings)
    for one in sites:
        checks = _counted(len(one.checks), "check")
        say(f"{one.file} is good: {one.site.name}, {checks}, policy {one.policy.name}")
        if duty[one.site]:
            shown = render_text("on_call", on_call=duty[one.site], zone=one.site.timezone)
            say(shown.rstrip())
    return 0


def _in_force(sites: Sequence[Configuration], warnings: Sequence[Fault]) -> dict[str, Any]:
    return {**config.effective_of(sites), "warnings": list(map(str, warnings))}


def _kept_out(found: Configuration) -> Iterator[Fault]:
    """What the service's user cannot read: the file, those that it includes, and each that it
    names, which root sees and the service does not.
    """
    if refused := kept_out(found.file):
        yield Fault("", *refused)
    for file in found.included:
        if refused := kept_out(found.file, named=file):
            yield Fault("", *refused)
    for place, path in config.files_named(found):
        if not _of_a_look(found, place) and (refused := kept_out(found.file, named=path)):
            yield Fault(place, *refused)


def _of_a_look(found: Configuration, place: str) -> bool:
    """Whether a file is read by the unit of the looks at the host, which has the right for it: all
    that their settings name but secrets, which the daemon reads.
    """
    section, _, rest = place.partition(".")
    entry = found.checks.get(rest.partition(".")[0]) if section == "checks" else None
    if entry is None or "host" not in entry.probe.rights():
        return False
    own = secrets_in(entry.probe, (section, entry.name))
    return place not in {dotted((*where, "file")) for where, _ in own}


def _without_right(found: Configuration) -> Iterator[Fault]:
    """Which checks the installed service has not the rights for, by the drop-in that gives them."""
    for files, names in absent(this_program(), found):
        are, them = ("is", "it") if len(files) == 1 else ("are", "them")
        blind = f"without {them} {', '.join(names)} cannot see all"
        right = f"`reveille install` lays {them} down"
        yield Fault("", f"{', '.join(files)} {are} not in force: {blind}", right)


def proxies_passed_over(environment: Mapping[str, str]) -> Iterator[Fault]:
    """The proxies that curl and browsers of this host go through, and no look does."""
    told = [name for name in _PROXIES for name in (name, name.upper()) if environment.get(name)]
    if told:
        # Its value may hold a password.
        wrong = f"{', '.join(told)} of the environment: no look goes through a proxy"
        yield Fault("", wrong, "what is reached through one alone is looked at from beyond it")


def warn(file: Path, warnings: Iterable[Fault]) -> None:
    """Say each warning of a configuration."""
    for warning in warnings:
        complain_folded(f"warning: {config.located(str(file), warning)}")


def plain(fault: Fault) -> dict[str, object]:
    """A fault as JSON has it."""
    told: dict[str, object] = {
        "path": fault.path,
        "wrong": fault.wrong,
        "right": fault.right,
        "line": fault.line,
    }
    return {**told, "file": fault.file} if fault.file else told


def _refused(faults: ConfigurationFaults, as_json: bool) -> int:
    if as_json:
        show_json({"good": False, "faults": [plain(one) for one in faults.faults]})
        return 2
    for fault in faults.faults:
        complain_folded(config.located(faults.file, fault))
    complain_folded(_counted(len(faults.faults), "fault"))
    return 2


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _differs(
    sites: Sequence[Configuration], warnings: Sequence[Fault], other: str, as_json: bool
) -> int:
    """What this file would change: of what the daemon has in force, or of another file."""
    against, before = _other(sites[0], other)
    changes = config.difference(before, config.effective_of(sites))
    if as_json:
        body = {"against": against, "summary": changes.in_short(), "changes": changes.to_dict()}
        show_json({"good": True, "warnings": [plain(w) for w in warnings], **body})
        return 0
    warn(sites[0].file, warnings)
    for line in changes.lines():
        say(line)
    say(f"{changes.in_short()}, against {against}")
    return 0


def _other(found: Configuration, other: str) -> tuple[str, Mapping[str, Any]]:
    """What is compared with, in words, and its settings."""
    if other:
        return other, config.effective_of(config.load_sites(Path(other)))
    try:
        running = config.in_force.kept(found.state)
    except OSError as problem:
        raise Stop(in_words(problem, "what is in force")) from None
    if running is None:
        raise Stop(
            f"no daemon has taken a configuration in {found.state} yet; compare with a file:"
            " --diff FILE"
        )
    zone = found.site.zone
    return f"what the daemon took at {running.taken_at.astimezone(zone):%Y-%m-%d %H:%M}", (
        running.configuration
    )
