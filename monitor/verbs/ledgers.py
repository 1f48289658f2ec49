"""ledger: how large it is and becomes, and whether anything was taken from it."""

from __future__ import annotations

import shutil
from argparse import Namespace
from pathlib import Path

from checks.data.backup.store.seal import key_of
from monitor.clock import SystemClock
from monitor.config import Configuration, together
from monitor.core.disk_growth import Growing, lasts_days
from monitor.ledger.encoding import milliseconds
from monitor.ledger.growth import Grown, folder_bytes
from monitor.ledger.proof import verified
from monitor.ledger.server_address import ServerAddress
from monitor.terminal import show
from monitor.verbs.opening import ledger_of, sound_sites_of
from reports.ledger_views import LedgerProof, LedgerSize, Part, Wrong

_DAY = 86400.0
# A disk is not bought in a day.
_SOON_DAYS = 30.0
# Measured (./reveille bench ledger-year): an hour of a check with seven measures, and its runs.
_ROLLED_HOUR_BYTES = 450.0


def size(arguments: Namespace) -> int:
    """What the ledger and the evidence take, what of it grows, and how long the disk lasts. 0; 1
    where that is less than a month.
    """
    configuration = together(sound_sites_of(arguments))
    with ledger_of(configuration, read_only=True) as ledger:
        now = SystemClock().now()
        parts, (whole, unused) = ledger.grown(milliseconds(now)), ledger.file_bytes()
    view = _size(configuration, parts, whole, unused)
    show("ledger_size", arguments.json, view, "size")
    return 1 if view.lasts_days is not None and view.lasts_days < _SOON_DAYS else 0


def verify(arguments: Namespace) -> int:
    """Work every seal of the ledger out anew: was anything changed or taken away? 0; 1 where it
    was.
    """
    configuration = together(sound_sites_of(arguments))
    key = key_of(configuration.state)
    with ledger_of(configuration, read_only=True) as ledger:
        found = verified(ledger, key)
    wrong = tuple(Wrong(one.day, one.text) for one in found.findings)
    view = LedgerProof(
        found.seals,
        found.first,
        found.last,
        found.looks,
        found.others,
        key is not None,
        wrong,
        found.chain,
    )
    show("ledger_proof", arguments.json, view, "proof")
    return 1 if wrong else 0


def _size(configuration: Configuration, grown: list[Grown], whole: int, unused: int) -> LedgerSize:
    exhibits = configuration.state / "exhibits"
    things = {
        one.name: Growing(one.bytes, _a_day(configuration, one), _keep(configuration, one.name))
        for one in grown
    }
    evidence = folder_bytes(exhibits)
    seen = Growing(evidence, evidence / _days_in(exhibits), configuration.keep_evidence / _DAY)
    everything = [*things.values(), seen]
    free = _free(configuration, whole)
    return LedgerSize(
        file=str(configuration.ledger_place),
        bytes=whole,
        unused_bytes=unused,
        disk_free_bytes=free,
        evidence_bytes=evidence,
        evidence_bytes_a_day=seen.a_day,
        evidence_keep_days=configuration.keep_evidence / _DAY,
        parts=tuple(
            Part(one.name, one.rows, one.bytes, things[one.name].a_day, things[one.name].keep_days)
            for one in grown
        ),
        year_bytes=sum(thing.now + thing.after(365) for thing in everything),
        lasts_days=None if free is None else lasts_days(everything, free + unused),
    )


def _free(configuration: Configuration, whole: int) -> float | None:
    """What is left for it; None where only its server knows."""
    if not isinstance(configuration.ledger_place, ServerAddress):
        return shutil.disk_usage(configuration.state).free
    room = configuration.ledger.room_gigabytes
    return None if room is None else max(0.0, room * 1e9 - whole)


def _a_day(configuration: Configuration, one: Grown) -> float:
    if one.name == "roll-ups" and not one.rows:
        # None of them is there yet: each check will have 24 a day.
        return 24.0 * _ROLLED_HOUR_BYTES * len(configuration.checks)
    return one.bytes_a_day


def _keep(configuration: Configuration, name: str) -> float | None:
    ledger = configuration.ledger
    kept = {"looks": ledger.keep_looks, "roll-ups": ledger.keep_rollups}
    kept["shared evidence"] = configuration.keep_evidence
    return kept[name] / _DAY if name in kept else None


def _days_in(exhibits: Path) -> int:
    return max(1, len(list(exhibits.glob("????-??-??"))))
