"""What a newcomer begins with, taken from where it is written: sample.toml, and the SAMPLE of each
kind and desk.

In these texts a table behind '#' (`#[audit]`, `#to = [...]`) is one that is only shown; a comment
(`# text`) above a table is a remark on it, and comments that an empty line divides from the first
table are the head of the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from checks.contract import Check
from monitor.config.toml_writer import toml
from monitor.desks.desk import DeskSettings

# [site], [[people]], [lines.trunk-a]; not [checks.NAME.steps], which is a part of its table
_HEADER = re.compile(r'#?\[\[?(?P<section>[a-z_]+)(?:\.(?P<name>[A-Za-z0-9_-]+|"[^"]+"))?\]\]?')


@dataclass(frozen=True, slots=True)
class Entry:
    """One table to begin with. What is not `live` is shown behind a '#'."""

    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    live: bool = True
    remark: str = ""


@cache
def head() -> str:
    """What stands above the first table."""
    return _sample().partition("\n\n")[0] + "\n"


@cache
def entries(section: str) -> tuple[Entry, ...]:
    """The tables of one section of sample.toml."""
    return tuple(entry for found, entry in _read(_sample()) if found == section)


def entries_of(kind: type[Check] | type[DeskSettings]) -> tuple[Entry, ...]:
    """The tables of a kind's SAMPLE, less their `kind`; one to be filled in where it has none.

    Raises ValueError for a sample that is none: an outsider's, for the house's own are tested.
    """
    try:
        found = tuple(entry for _, entry in _read(kind.SAMPLE))
    except ValueError as broken:
        raise ValueError(f"the SAMPLE of the kind {kind.KIND!r}: {broken}") from None
    return tuple(_without_kind(entry) for entry in found) or (Entry(kind.KIND, live=False),)


def example_of(kind: type[Check] | type[DeskSettings]) -> str:
    """A kind's SAMPLE with the lines and agents that it names: a piece of a file that is good as it
    stands, beside [site]. "" where the kind has none.
    """
    text = kind.SAMPLE.strip()
    # Which checks it is diagnosed by is for the site to say: there may be none of that name.
    text = re.sub(r"^diagnose = .*\n", "", text, flags=re.M)
    named = set(re.findall(r'"([^"]+)"', text))
    tables = [
        "\n".join(
            [
                f"[{section}.{entry.name}]",
                *(f"{key} = {toml(v)}" for key, v in entry.values.items()),
            ]
        )
        for section in ("lines", "agents")
        for entry in entries(section)
        if entry.name in named
    ]
    return "\n\n".join(filter(None, [*tables, text]))


def _without_kind(entry: Entry) -> Entry:
    values = {key: value for key, value in entry.values.items() if key != "kind"}
    return Entry(entry.name, values, entry.live, entry.remark)


def _sample() -> str:
    return files("monitor.config").joinpath("sample.toml").read_text(encoding="utf-8")


def _read(text: str) -> Iterator[tuple[str, Entry]]:
    """Each table of a text and the section that it is in. Raises ValueError for what is no table of
    a sample."""
    for remark, header, lines in _tables(text):
        live = not lines[0].startswith("#")
        section, name = header["section"], header["name"]
        # A table that is only shown stands behind '#': it is read without it, so that the shown
        # ones are tested as well.
        whole: Any = tomllib.loads(
            "\n".join(lines if live else [line.removeprefix("#") for line in lines])
        )
        table = whole[section]
        if name:
            name, table = next(iter(table.items()))
        elif isinstance(table, list):
            table = table[0]
        yield section, Entry(name or "", table, live, remark)


def _tables(text: str) -> Iterator[tuple[str, re.Match[str], list[str]]]:
    """Each table: the remark on it, its header as understood, and its lines, the header first."""
    found: list[tuple[str, re.Match[str], list[str]]] = []
    remark: list[str] = []
    for line in text.splitlines():
        if header := _HEADER.fullmatch(line):
            found.append((" ".join(remark), header, [line]))
            remark = []
        elif line.startswith("# "):
            remark.append(line.removeprefix("# "))
        elif found:
            found[-1][2].append(line)
        elif line.strip():
            raise ValueError(
                f"{line!r} stands above the first table; write [checks.NAME] or [desks.NAME]"
            )
        if not line.strip():
            remark = []
    yield from found
