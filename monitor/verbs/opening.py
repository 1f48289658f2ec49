"""What most verbs begin with: the configuration, the ledger, a check by its name. What is wrong
ends the command.
"""

from __future__ import annotations

import getpass
import os
from argparse import Namespace

from checks.settings import nearest
from monitor.config import CheckEntry, Configuration, load, load_sound_part, located
from monitor.ledger import Ledger
from monitor.terminal import complain
from monitor.verbs.refusal import in_words


class Stop(Exception):
    """The command cannot go on; its text says why. Exit code 2."""


def configuration_of(arguments: Namespace) -> Configuration:
    """The configuration. Raises ConfigurationFaults."""
    return load(arguments.config)


def sound_part_of(arguments: Namespace) -> Configuration:
    """What can be used of the configuration, for a verb that needs site and state alone: a broken
    file is told of in one line, and does not keep anybody from a ticket. Raises
    ConfigurationFaults where not even that is to be had.
    """
    configuration, broken = load_sound_part(arguments.config)
    if broken is not None:
        count = f"{len(broken.faults)} fault{'s' if len(broken.faults) != 1 else ''}"
        complain(
            f"reveille: the file is broken ({count}), what is sound of it is used:"
            f" {located(broken.file, broken.faults[0])}; `reveille check-config` says all"
        )
    return configuration


def ledger_of(configuration: Configuration, read_only: bool = False) -> Ledger:
    """The site's ledger. Raises Stop where the daemon never ran, and LedgerFault."""
    path = configuration.state / "ledger.sqlite"
    try:
        there = path.exists()
    except OSError as problem:
        raise Stop(in_words(problem, "the ledger")) from None
    if not there:
        raise Stop(f"there is no ledger at {path} yet; `reveille run` begins one")
    return Ledger(path, read_only=read_only)


def entry_of(configuration: Configuration, name: str) -> CheckEntry:
    """A check by its name. Raises Stop."""
    if name not in configuration.checks:
        known = list(configuration.checks)
        hint = nearest(name, known) or f"; there are {', '.join(known)}"
        raise Stop(f"there is no [checks.{name}]{hint}")
    return configuration.checks[name]


def whoami() -> str:
    """Who types: the person behind sudo, if any."""
    # sudo makes everybody root; the ticket is to say who acknowledged it.
    return os.environ.get("SUDO_USER") or getpass.getuser()
