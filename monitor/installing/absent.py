"""What of systemd/ a configuration needs and the installed service has not: said at check-config,
before a check is blind for want of it.

Rule: an administrator may have written the same into a drop-in of another name, so what counts is
what the unit says. Where no unit is installed, or it reads another file, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from monitor.config import Configuration
from monitor.installing.layout import UNIT, Program
from monitor.installing.needs import Need, needed
from monitor.service import unit_access


def absent(
    program: Program, configuration: Configuration, places: Sequence[Path] = unit_access.PLACES
) -> Iterator[tuple[list[str], list[str]]]:
    """Files that are not in force, and the checks that need them: those of the same checks
    together.
    """
    installed = unit_access.unit(places)
    reads = installed.configurations() if installed else ()
    if installed is None or configuration.file.absolute() not in [one.absolute() for one in reads]:
        return
    found: dict[tuple[str, ...], list[str]] = {}
    for need, names in needed(configuration).items():
        # A unit that a socket starts comes with it.
        counts = need.drop_in or (need.starts and need.file != UNIT)
        if counts and not _in_force(program, need, installed, places):
            found.setdefault(tuple(names), []).append(need.file)
    yield from ((files, list(names)) for names, files in found.items())


def _in_force(
    program: Program, need: Need, installed: unit_access.Unit, places: Sequence[Path]
) -> bool:
    shipped = program.units / need.file
    if need.of != UNIT or not need.drop_in or not shipped.is_file():
        within = need.path.relative_to(need.path.parents[1 if need.drop_in else 0])
        return any((place / within).is_file() for place in places)
    lines = (line.partition("=") for line in shipped.read_text(encoding="utf-8").splitlines())
    settings = [(key, value) for key, equals, value in lines if equals and key[0] not in "#;["]
    return all(
        set(value.split()) <= set(" ".join(installed.says.get(key, ())).split())
        for key, value in settings
    )
