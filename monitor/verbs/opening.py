"""What most verbs begin with: the configuration, the ledger, a check by its name. What is wrong
ends the command.
"""

from __future__ import annotations

import getpass
import os
from argparse import Namespace
from collections.abc import Sequence
from contextlib import nullcontext, suppress

from checks.settings import nearest
from monitor.config import (
    CheckEntry,
    Configuration,
    ConfigurationFaults,
    in_brief,
    load_sites,
    load_sound_sites,
    located,
)
from monitor.ledger import Ledger
from monitor.ledger.of_site import of_site
from monitor.ledger.server_address import begun
from monitor.terminal import complain
from monitor.verbs.inside import INSIDE, Inside
from monitor.verbs.refusal import in_words
from monitor.verbs.which_site import meant

# What is known of checks and desks in brief is enough to show how they stand.
_READS_ALONE = frozenset(
    {"explaining.explain", "looking.status", "ticketing.tickets", "ticketing.show_ticket"}
)


class Stop(Exception):
    """The command cannot go on; its text says why. Exit code 2."""


def configuration_of(arguments: Namespace) -> Configuration:
    """The configuration: the daemon's, where it does the verb. Raises ConfigurationFaults."""
    return meant(arguments, sites_of(arguments))


def sites_of(arguments: Namespace) -> Sequence[Configuration]:
    """The same, of all sites."""
    if (inside := INSIDE.get()) is not None:
        _say_outdated(inside)
        return inside.configurations
    return load_sites(arguments.config)


def configuration_to_show(arguments: Namespace) -> Configuration:
    """The configuration, of which it is enough to know checks and desks in brief. Raises
    ConfigurationFaults.
    """
    if INSIDE.get() is None:
        with suppress(ConfigurationFaults):
            found, broken = sound_part(arguments)
            if broken is None:
                return meant(arguments, found)
    return configuration_of(arguments)


def sound_part_of(arguments: Namespace) -> Configuration:
    """What can be used of the configuration, for a verb that needs site and state alone: a broken
    file is told of in one line, and does not keep anybody from a ticket. Raises
    ConfigurationFaults where not even that is to be had.
    """
    return meant(arguments, sound_sites_of(arguments))


def sound_sites_of(arguments: Namespace) -> Sequence[Configuration]:
    """The same, of all sites."""
    if (inside := INSIDE.get()) is not None:
        _say_outdated(inside)
        return inside.configurations
    sites, broken = sound_part(arguments)
    if broken is not None:
        count = f"{len(broken.faults)} fault{'s' if len(broken.faults) != 1 else ''}"
        complain(
            f"reveille: the file is broken ({count}), what is sound of it is used:"
            f" {located(broken.file, broken.faults[0])}; `reveille check-config` says all"
        )
    return tuple(sites)


def sound_part(
    arguments: Namespace,
) -> tuple[Sequence[Configuration], ConfigurationFaults | None]:
    """The sound part of the file, of all sites, read once for a command. Raises
    ConfigurationFaults.
    """
    if "sound_part" not in arguments:
        with in_brief.enough() if getattr(arguments, "verb", "") in _READS_ALONE else nullcontext():
            arguments.sound_part = load_sound_sites(arguments.config)
    found: tuple[Sequence[Configuration], ConfigurationFaults | None] = arguments.sound_part
    return found


def _say_outdated(inside: Inside) -> None:
    """What the daemon goes by is not always what the file says by now."""
    if inside.parts.file.outdated():
        complain(
            f"reveille: {inside.configurations[0].file} was changed since the daemon read it; what"
            " it read is used, until it is told to reload"
        )


def ledger_of(configuration: Configuration, read_only: bool = False) -> Ledger:
    """The ledger, as the site sees it. Raises Stop where the daemon never ran, and LedgerFault."""
    return of_site(whole_ledger_of(configuration, read_only), configuration.site.scope)


def whole_ledger_of(configuration: Configuration, read_only: bool = False) -> Ledger:
    """The ledger of all sites. Raises Stop where the daemon never ran, and LedgerFault."""
    place = configuration.ledger_place
    try:
        there = begun(place)
    except OSError as problem:
        raise Stop(in_words(problem, "the ledger")) from None
    if not there:
        raise Stop(f"there is no ledger at {place} yet; `reveille run` begins one")
    return Ledger(place, read_only=read_only)


def entry_of(configuration: Configuration, name: str) -> CheckEntry:
    """A check by its name. Raises Stop."""
    if name not in configuration.checks:
        known = list(configuration.checks)
        hint = nearest(name, known) or f"; there are {', '.join(known)}"
        raise Stop(f"there is no [checks.{name}]{hint}")
    return configuration.checks[name]


def whoami() -> str:
    """Who types: the peer of the daemon's socket; else the person behind sudo, if any."""
    if (inside := INSIDE.get()) is not None:
        return inside.actor
    # sudo makes everybody root; the ticket is to say who acknowledged it.
    return os.environ.get("SUDO_USER") or getpass.getuser()


def acting(arguments: Namespace) -> str:
    """Who acts, for the ticket's history: whoever types; --by stands beside it, as a note."""
    who, note = whoami(), str(getattr(arguments, "by", "") or "")
    return f"{who} ({note})" if note and note != who else who
