"""Databases that are odd and good: each has to be proven, and to come back by the text of its
RESTORE.md.

They stand in good/*.toml, a table each: the statements that make it, and what is of the
server, whose names are its own, so that nothing of one row is there for the next.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Good:
    """One database. `server` is run before there is one, `create` makes it where it is not a plain
    one; `roles` are compared as well.
    """

    name: str
    statements: tuple[str, ...] = ()
    server: tuple[str, ...] = ()
    create: str = ""
    after: tuple[str, ...] = ()
    """of the server, once the database is there"""
    roles: tuple[str, ...] = ()
    before: str = ""
    """what a person has made there before, as commands of a shell"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    unlike: tuple[str, ...] = ()
    """what a dump cannot hold, and the proof says so: beginnings of what is compared"""
    takes: int = 1
    between: tuple[str, ...] = ()
    """statements before the second backup"""
    since: int = 0
    """the major version of the server that has it first"""


def good_databases(engine: str) -> tuple[Good, ...]:
    """All rows of one engine."""
    rows: dict[str, dict[str, Any]] = {}
    for place in sorted(Path(__file__).with_name("good").glob(f"{engine}*.toml")):
        rows |= tomllib.loads(place.read_text(encoding="utf-8"))
    return tuple(
        Good(name, **dict[str, Any]((key, _frozen(value)) for key, value in row.items()))
        for name, row in rows.items()
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
