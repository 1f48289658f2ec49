"""What can be used of a broken configuration: the verbs that read the ledger or act on a ticket
need the site and the state folder, and a slip in a check's table must not keep anybody from a
ticket.

Rule: the daemon never runs on this, and whoever uses it says that the file is broken. A section
with a slip is left out whole; of [site], and of what stands above the first section, only the
faulty keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from monitor.config.configuration import Configuration
from monitor.config.fault_list import ConfigurationFaults
from monitor.config.inclusion import whole_of
from monitor.config.loading import SitePart, in_order, one_of, read_sites, whole
from monitor.config.model_reader import Reading, Table
from monitor.config.toml_text import Written, parse, read

_SECTION = re.compile(r"^[ \t]*\[", re.M)
_LEDGER = re.compile(r"^[ \t]*\[[ \t]*ledger[ \t]*\]", re.M)
# Their defaults would be another place, or another policy, than the one that was meant.
_NEVER_GUESSED = (("state",), ("site", "policy"), ("site", "region"))
# A file has a few slips; one with more is looked at by a person first.
_MOST_SLIPS = 20


def load_sound_part(
    path: Path | str, site: str = ""
) -> tuple[Configuration, ConfigurationFaults | None]:
    """A file's configuration, of one site where it has several, and what is wrong with the file.
    Raises ConfigurationFaults where not even site, state and policy are to be had.
    """
    found, faults = load_sound_sites(path)
    return one_of(found, site), faults


def load_sound_sites(
    path: Path | str,
) -> tuple[tuple[Configuration, ...], ConfigurationFaults | None]:
    """What can be used of each site, without those of which nothing can; what is wrong with the
    file. Raises ConfigurationFaults where nothing of any can.
    """
    file = Path(path)
    written, slip = _sound_text(file)
    files = whole_of(written)
    if files.wrong and slip is None:
        slip = ConfigurationFaults(str(file), files.wrong)
    parts, wrong = read_sites(files)
    faults = slip
    if wrong and slip is None:
        faults = ConfigurationFaults(str(file), in_order(wrong, files))
    if faults and any(_elsewhere(part.reading) for part in parts):
        raise faults
    found = tuple(one for part in parts if (one := _sound_of(part, file)) is not None)
    if not found:
        raise faults or ConfigurationFaults(str(file), ())
    return found, faults


def _sound_of(part: SitePart, file: Path) -> Configuration | None:
    """What can be used of one site."""
    reading, found = part.reading, part.configuration
    if not reading.found:
        return found
    if found is None and not any(one.place[:2] in _NEVER_GUESSED for one in reading.found):
        found = whole(reading.less(_without_faulty_keys(reading)), file)
    return _consistent(found) if found else None


def _elsewhere(reading: Reading) -> bool:
    """Whether a section at fault says in which server's database the ledger lies: without it the
    file of the state folder would be taken for it.
    """
    ledger = reading.tables.get("ledger")
    said = isinstance(ledger, dict) and "url" in ledger
    return said and any(one.place[:1] == ("ledger",) for one in reading.found)


def _sound_text(file: Path) -> tuple[Written, ConfigurationFaults | None]:
    """The file, less the sections in which the grammar has a slip; the first slip."""
    try:
        return read(file), None
    except ConfigurationFaults as slip:
        if not slip.faults[0].line:
            raise
        text = file.read_text(encoding="utf-8-sig", errors="replace").replace("\r\n", "\n")
        return _less_slips(text, file, slip), slip


def _less_slips(text: str, file: Path, slip: ConfigurationFaults) -> Written:
    fault, whole_text = slip, text
    for _ in range(_MOST_SLIPS):
        text = _less_section_of(text, fault.faults[0].line or 1)
        # With it would go where the ledger lies.
        if _LEDGER.search(whole_text) and not _LEDGER.search(text):
            raise slip
        try:
            return parse(text, file)
        except ConfigurationFaults as another:
            fault = another
    raise slip


def _less_section_of(text: str, line: int) -> str:
    """The text without the section, or the last one before the end, that this line stands in; its
    lines stay, empty, so that places stay right."""
    lines = text.split("\n")
    at = min(line, len(lines)) - 1
    while at > 0 and not lines[at].strip():
        at -= 1
    first = next((n for n in range(at, -1, -1) if _SECTION.match(lines[n])), 0)
    past = next((n for n in range(first + 1, len(lines)) if _SECTION.match(lines[n])), len(lines))
    return "\n".join([*lines[:first], *([""] * (past - first)), *lines[past:]])


def _without_faulty_keys(reading: Reading) -> Table:
    """The tables less the keys of [site], and of the top, that are at fault."""
    places = [one.place for one in reading.found]
    top = {place[0] for place in places if len(place) == 1} - {"site"}
    site = {place[1] for place in places if place[:1] == ("site",) and len(place) > 1}
    tables = {key: value for key, value in reading.tables.items() if key not in top}
    if isinstance(table := tables.get("site"), dict):
        tables["site"] = {key: value for key, value in table.items() if key not in site}
    return tables


def _consistent(found: Configuration) -> Configuration:
    """Without the names of checks that were left out."""
    there: Callable[[str], bool] = found.checks.__contains__
    checks = {
        name: replace(entry, diagnose=tuple(filter(there, entry.diagnose)))
        for name, entry in found.checks.items()
    }
    audit = found.audit
    if audit is not None:
        audit = audit.model_copy(update={"checks": tuple(filter(there, audit.checks))})
    return replace(found, checks=checks, audit=audit)
