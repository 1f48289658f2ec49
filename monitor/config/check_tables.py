"""[checks.NAME]: the keys that every check has, and those of its kind, written in one table and
told apart by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import cast

from checks.contract import Check
from checks.kinds import kinds
from checks.settings import shown, write_duration
from monitor.config import in_brief
from monitor.config.configuration import CheckEntry
from monitor.config.errors.explanation import NO_SUCH_KEY, offer
from monitor.config.inclusion import DEFAULTS
from monitor.config.model_introspection import fields
from monitor.config.model_reader import Reading, Table, kind_hint, without
from monitor.config.section_models import Rhythm, Site, expectation
from monitor.core.timetable import Daily, Every, Timetable, phase_seconds

RHYTHM = frozenset(fields(Rhythm))
COSTLY_RECHECK_SECONDS = 1800.0


def read_checks(
    reading: Reading, site: Site | None, brief: in_brief.Brief = in_brief.NOTHING
) -> dict[str, CheckEntry]:
    """The good checks by name."""
    known = kinds()
    made = {
        name: _entry(reading, site, name, table, known, brief["checks"].get(name))
        for name, table in reading.named("checks")
    }
    return {entry.name: entry for entry in made.values() if entry is not None}


def read_defaults(reading: Reading) -> None:
    """What [defaults.KIND] may say: keys of that kind, with values that are looked at in the checks
    which take them over.
    """
    known = kinds()
    for name, table in reading.named(DEFAULTS):
        if name not in known:
            reading.fault(
                (DEFAULTS, name), f"there is no kind {shown(name)}{kind_hint(name, known)}"
            )
            continue
        keys = [*fields(known[name]), *sorted(RHYTHM)]
        for key in table:
            if key not in keys:
                reading.fault((DEFAULTS, name, key), NO_SUCH_KEY + offer(key, keys))


def _entry(
    reading: Reading,
    site: Site | None,
    name: str,
    table: Table,
    known: Mapping[str, type[Check]],
    facts: in_brief.Facts | None,
) -> CheckEntry | None:
    written = {key: value for key, value in table.items() if key in RHYTHM}
    rhythm = reading.model(("checks", name), Rhythm, written)
    if facts and rhythm and site:
        read = partial(
            reading.again, ("checks", name), partial(_probe, reading, name, table, known)
        )
        stand_in = in_brief.CheckInBrief(facts, read)
        return _made(name, rhythm, cast(Check, stand_in), site)
    probe = _probe(reading, name, table, known)
    if probe is not None:
        _check_measures(reading, name, probe, table)
    if probe is None or rhythm is None:
        return None
    _check_limit(reading, name, rhythm, probe, table)
    _check_tolls(reading, name, probe)
    return _made(name, rhythm, probe, site) if site else None


def _probe(
    reading: Reading, name: str, table: Table, known: Mapping[str, type[Check]]
) -> Check | None:
    place = ("checks", name)
    kind = reading.kind(place, table, known)
    if kind is None:
        return None
    # The keys of the rhythm are known here as well: a slip in `every` must not be offered a key of
    # the kind alone.
    own = without(table, RHYTHM | {"kind"})
    return reading.model(place, kind, own, keys=["kind", *sorted(RHYTHM)])


def _check_tolls(reading: Reading, name: str, probe: Check) -> None:
    """What a line may dial holds for everything that would be dialled over it."""
    for toll in probe.tolls():
        if toll.may_dial and not any(fnmatchcase(toll.to, one) for one in toll.may_dial):
            wrong = f"line {toll.line!r} may not dial {shown(toll.to)}"
            reading.fault(
                ("checks", name), f"{wrong}; write it into its `may_dial`, or dial another"
            )


def _check_measures(reading: Reading, name: str, probe: Check, table: Table) -> None:
    """Looked for in what is written, so that one expectation without form does not hide another's
    wrong name.
    """
    measures = probe.measures()
    for key in ("expect", "warn"):
        for number, written in enumerate(table[key] if isinstance(table.get(key), list) else ()):
            try:
                measure = expectation(written).measure
            except ValueError:
                continue
            if measure not in measures:
                wrong = (
                    "this check does not measure"
                    f" {shown(measure)}{offer(measure, sorted(measures))}"
                )
                reading.fault(("checks", name, key, number), wrong)


def _check_limit(reading: Reading, name: str, rhythm: Rhythm, probe: Check, table: Table) -> None:
    # A limit below what the settings can need would make every slow but sound look UNKNOWN.
    longest = probe.longest_seconds()
    if rhythm.limit is not None and rhythm.limit < longest:
        wrong = (
            f"{shown(table['limit'])} is too little: one attempt may take {write_duration(longest)}"
        )
        reading.fault(("checks", name, "limit"), f"{wrong}; leave it out, or write at least that")


def _made(name: str, rhythm: Rhythm, probe: Check, site: Site) -> CheckEntry:
    own = site.scoped(name)
    return CheckEntry(
        name=own,
        probe=probe,
        # A time that is written twice is one run.
        at=tuple(sorted(set(rhythm.at or ()))),
        every=rhythm.every,
        timetable=_timetable(own, rhythm, site),
        expect=rhythm.expect,
        warn=rhythm.warn,
        confirm=rhythm.confirm,
        confirm_after=rhythm.confirm_after,
        recover=rhythm.recover,
        recheck=_recheck(rhythm, probe),
        diagnose=tuple(map(site.scoped, rhythm.diagnose)),
        probes=rhythm.probes,
        places=rhythm.places,
        agree=rhythm.agreeing,
        component=rhythm.component or probe.COMPONENT,
        severity=rhythm.severity,
        limit=rhythm.limit or probe.longest_seconds(),
        grace=rhythm.grace,
    )


def _recheck(rhythm: Rhythm, probe: Check) -> float:
    """A call that fails would be placed 288 times a day, answered or not."""
    written = "recheck" in rhythm.model_fields_set
    return rhythm.recheck if written or not probe.COSTS else COSTLY_RECHECK_SECONDS


def _timetable(name: str, rhythm: Rhythm, site: Site) -> Timetable | None:
    if rhythm.at:
        return Daily(tuple(sorted(set(rhythm.at))), site.timezone)
    return Every(rhythm.every, phase_seconds(name, rhythm.every)) if rhythm.every else None
