"""What is another than yesterday on this host: Reveille itself, its configuration, its policy, and
the packages of the system. An inventory is kept in the ledger whenever it has changed, with the
morning report that tells of it.

Rule: the newest inventory of half a day ago and more is what today's is compared with, so that a
report by hand takes nothing from the next morning's. Where there is none, nothing is claimed.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from checks.host.collectors.packages import Packages
from monitor.config import Configuration
from monitor.ledger import Ledger, Transaction
from monitor.ledger.happening_bodies import happening_body
from monitor.ledger.history import readable
from reports.checklist import Release

log = logging.getLogger(__name__)

KIND = "inventory"
# As pyproject.toml names it.
_DISTRIBUTION = "reveille-monitor"
_BEFORE = timedelta(hours=12)
# The newest few: one that cannot be read is passed over.
_MOST = 20
# What a report names of an upgrade of the whole system; beyond that it says how many more.
MOST_NAMED = 200


@dataclass(frozen=True, slots=True)
class Inventory:
    """Versions and digests; `packages` is empty where the package manager is not understood."""

    program: str
    configuration: str
    """of the files that were read, SHA-256"""
    policy: str
    packages: Mapping[str, str]


async def taken(configuration: Configuration, root: Path = Path("/")) -> Inventory:
    """As it is now. Files are read in a thread."""
    return await asyncio.to_thread(_taken, configuration, root)


def _taken(configuration: Configuration, root: Path) -> Inventory:
    policy = configuration.policy
    return Inventory(
        program=_program(),
        configuration=_digest((configuration.file, *configuration.included)),
        policy=f"{policy.name} {policy.version}",
        packages=_packages(root),
    )


def known(ledger: Ledger, now: datetime) -> tuple[datetime, Inventory] | None:
    """What today's is compared with, and since when it was so."""
    return next((one for one in _read(ledger) if one[0] <= now - _BEFORE), None)


def keep(ledger: Ledger, t: Transaction, inventory: Inventory, now: datetime) -> None:
    """Keep it, where the newest is another."""
    newest = next(_read(ledger), None)
    if newest is None or newest[1] != inventory:
        t.happened(None, now, KIND, happening_body(KIND, asdict(inventory)))


def changed(before: Inventory, now: Inventory) -> tuple[Release, ...]:
    """What is another, at most `MOST_NAMED` packages of it."""
    found = [
        Release(what, "", str(getattr(before, what)), str(getattr(now, what)))
        for what in ("program", "policy", "configuration")
        if getattr(before, what) != getattr(now, what)
    ]
    # Nothing is said of packages where they were not known before, or are not now.
    names = sorted({*before.packages, *now.packages}) if before.packages and now.packages else []
    for name in names:
        was, is_now = before.packages.get(name, ""), now.packages.get(name, "")
        if was != is_now:
            found.append(Release("package", name, was, is_now))
    return tuple(found[:MOST_NAMED])


def _read(ledger: Ledger) -> Iterator[tuple[datetime, Inventory]]:
    for at, facts in readable(ledger.newest(KIND, _MOST)):
        yield at, Inventory(**facts)


def _program() -> str:
    try:
        return importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _digest(files: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for file in files:
        try:
            digest.update(file.read_bytes())
        except OSError as why:
            log.warning("action=configuration_not_read %s", why)
    return digest.hexdigest()


def _packages(root: Path) -> Mapping[str, str]:
    try:
        return Packages(root).versions
    except OSError as why:
        log.info("action=packages_not_read %s", why)
        return {}
