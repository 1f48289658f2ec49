"""A configuration in several files: `include = ["portals.toml", "sites/*.toml"]` above the first
section takes the tables of others in, and `[defaults.KIND]` says once what many checks share.

Rule 1: what is wrong is told with the file and line where it is written, in whichever file that is.
Rule 2: who is looked at ([site]), what stands above the first section, and [audit] are said in the
first file alone; an included file includes nothing. Rule 3: relative paths count from the folder of
the first file, wherever they stand, so that a table can be moved to another file unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checks.settings import shown
from monitor.config.fault_list import ConfigurationFaults, Fault, Place, dotted
from monitor.config.toml_text import Written, read

DEFAULTS, SITES = "defaults", "sites"
INCLUDED = (
    "people",
    "rotas",
    "lines",
    "agents",
    "checks",
    "defaults",
    "maintenance",
    "desks",
    SITES,
)
"""the sections that an included file may have"""
# More files than any site has; a pattern like "**" may find a home directory.
_MOST_FILES = 500
# A check has one of them: what it writes itself takes the place of the other, too.
EITHER = ("at", "every")


@dataclass(slots=True)
class Whole:
    """All files of a configuration as one, and where each thing stands."""

    files: list[Written]
    tables: dict[str, Any]
    wrong: list[Fault] = field(default_factory=list)
    """what is wrong with the files themselves"""
    _homes: dict[Place, tuple[Written, Place]] = field(default_factory=dict)
    inherited: dict[tuple[str, str], str] = field(default_factory=dict)
    """(check, key) -> the kind whose default it is"""

    @property
    def main(self) -> Written:
        """The file that was named."""
        return self.files[0]

    def home(self, place: Place) -> tuple[Written, Place]:
        """The file that a place is written in, and the place there."""
        if place[:1] == ("checks",) and len(place) > 2:
            kind = self.inherited.get((str(place[1]), str(place[2])))
            if kind is not None:
                place = (DEFAULTS, kind, *place[2:])
        # Of a site: its sections, and what has a name or a number in them.
        for length in (4, 3, 2, 1):
            if found := self._homes.get(place[:length]):
                return found[0], (*found[1], *place[length:])
        return self.main, place

    def take(self, written: Written) -> None:
        """Take the tables of an included file in."""
        self.files.append(written)
        for section, table in written.tables.items():
            if section not in INCLUDED:
                self._fault(
                    written,
                    (section,),
                    "only the first file says this",
                    f"an included file has {', '.join(f'[{name}]' for name in INCLUDED)}",
                )
            elif isinstance(table, dict) and isinstance(self.tables.get(section, {}), dict):
                self._take_named(written, section, table)
            elif isinstance(table, list) and isinstance(self.tables.get(section, []), list):
                self._take_listed(written, section, table)
            else:
                # The wrong brackets: said as of any other file, at its own place.
                self.tables[section] = table
                self._homes[(section,)] = (written, (section,))

    def _take_named(self, written: Written, section: str, table: Mapping[str, Any]) -> None:
        mine = dict(self.tables.get(section, {}))
        for name, one in table.items():
            if name not in mine:
                mine[name] = one
                self._homes[section, name] = (written, (section, name))
            elif section == SITES and isinstance(one, dict) and isinstance(mine[name], dict):
                mine[name] = self._more_of_site(written, (section, name), mine[name], one)
            else:
                self._twice(written, (section, name))
        self.tables[section] = mine

    def _more_of_site(
        self, written: Written, place: Place, known: dict[str, Any], more: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A site with what another file says of it: each thing once, and lists one after the
        other.
        """
        made = dict(known)
        for key, part in more.items():
            here, before = (*place, key), made.get(key)
            if before is None:
                made[key] = part
                self._homes[here] = (written, here)
            elif isinstance(part, list) and isinstance(before, list):
                for number in range(len(part)):
                    self._homes[*here, len(before) + number] = (written, (*here, number))
                made[key] = [*before, *part]
            elif isinstance(part, dict) and isinstance(before, dict):
                for name, one in part.items():
                    if name in before:
                        self._twice(written, (*here, name))
                        continue
                    made[key] = {**made[key], name: one}
                    self._homes[*here, name] = (written, (*here, name))
            else:
                self._twice(written, here)
        return made

    def _twice(self, written: Written, place: Place) -> None:
        other, first = self.home(place)
        line = other.places.line(first)
        right = f"the first is in {other.file}:{line}"
        self._fault(written, place, "is written a second time", right)

    def _take_listed(self, written: Written, section: str, entries: list[Any]) -> None:
        before = list(self.tables.get(section, []))
        for number in range(len(entries)):
            self._homes[section, len(before) + number] = (written, (section, number))
        self.tables[section] = [*before, *entries]

    def _fault(self, written: Written, place: Place, wrong: str, right: str = "") -> None:
        line = written.places.line(place)
        self.wrong.append(Fault(dotted(place), wrong, right, line, str(written.file)))


def inherited(tables: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Give each check of `tables` what [defaults.KIND] says and it does not; (check, key) -> the
    kind whose default it is.
    """
    defaults, checks = tables.get(DEFAULTS), tables.get("checks")
    found = dict[tuple[str, str], str]()
    if not isinstance(defaults, dict) or not isinstance(checks, dict):
        return found
    for name, table in checks.items():
        kind = table.get("kind") if isinstance(table, dict) else None
        shared = defaults.get(kind) if isinstance(kind, str) else None
        if not isinstance(shared, dict):
            continue
        own = set(table) | (set(EITHER) if set(EITHER) & set(table) else set())
        more = {key: value for key, value in shared.items() if key not in {*own, "kind"}}
        found |= {(name, key): str(kind) for key in more}
        checks = {**checks, name: {**table, **more}}
    tables["checks"] = checks
    return found


def whole_of(main: Written) -> Whole:
    """A file with all that it includes, each check with its defaults. What is wrong with the
    included ones stands in `wrong`.
    """
    whole = Whole([main], dict(main.tables))
    names = main.tables.get("include")
    # Two patterns may mean one file, which is then no second one.
    seen = {main.file.resolve()}
    # Whatever is no list of texts is told with the faults of the top.
    for number, name in enumerate(names if isinstance(names, list) else []):
        if isinstance(name, str):
            for path in _found(whole, number, name):
                if path.resolve() in seen:
                    continue
                seen.add(path.resolve())
                try:
                    whole.take(read(path, if_missing="leave it out, or write it"))
                except ConfigurationFaults as refused:
                    whole.wrong += [
                        Fault(one.path, one.wrong, one.right, one.line, refused.file)
                        for one in refused.faults
                    ]
    # Where there are several sites each has defaults of its own (sites.py).
    if SITES not in whole.tables:
        whole.inherited = inherited(whole.tables)
    return whole


def _found(whole: Whole, number: int, name: str) -> Iterator[Path]:
    """The files that a name or a pattern means, in the order of their names."""
    folder = whole.main.file.absolute().parent
    if not any(sign in name for sign in "*?["):
        yield folder / name
        return
    try:
        paths = sorted(
            Path("/").glob(name.lstrip("/")) if name.startswith("/") else folder.glob(name)
        )
    except (ValueError, OSError, NotImplementedError):
        paths = []
    seen = [
        path for path in paths if path.is_file() and path.resolve() != whole.main.file.resolve()
    ]
    if not seen:
        whole._fault(
            whole.main,
            ("include", number),
            f"there is no file {shown(name)}",
            "leave it out, or write one",
        )
    elif len(seen) > _MOST_FILES:
        whole._fault(
            whole.main,
            ("include", number),
            f"{shown(name)} means {len(seen)} files",
            f"at most {_MOST_FILES}: name a folder of its own",
        )
    else:
        yield from seen
