"""What is not as it was between two configurations, both as they are in force: for a reload, and
for `check-config --diff`.

Rule: compared is what is in force and not what is written, so that a default which is written out,
or a table that was moved to another file, is no change. Of a secret only its place is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

NAMED = {
    "sites": "site",
    "checks": "check",
    "lines": "line",
    "agents": "agent",
    "desks": "desk",
    "rotas": "rota",
}
"""sections whose tables have names, and what one of them is called"""
LISTED = {"people": "person", "maintenance": "window"}
"""sections whose tables have no names: one that differs is one removed and one added"""
_WHOLE = (
    "site",
    "audit",
    "policy",
    "state",
    "keep_evidence",
    "most_evidence_megabytes",
    "administrators",
    "ledger",
    "probe",
    "evidence",
    "page",
    "dead_man",
)
_LONGEST_VALUE = 40


@dataclass(frozen=True, slots=True)
class Changed:
    """A table that is there in both: the keys whose values differ -> (before, now)."""

    name: str
    keys: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Part:
    """What differs in one section; `one` is what a table of it is called, "" for a section that is
    one thing.
    """

    section: str
    one: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[Changed, ...] = ()

    def counted(self) -> str:
        """`2 checks added, 1 changed`, as one says it."""
        if not self.one:
            return f"{self.section} changed"
        counts = (("added", self.added), ("removed", self.removed), ("changed", self.changed))
        told = [(len(names), word) for word, names in counts if names]
        (first, word), *others = told
        noun = self.one if first == 1 else f"{self.one}s"
        return ", ".join([f"{first} {noun} {word}", *(f"{n} {word}" for n, word in others)])


@dataclass(frozen=True, slots=True)
class Difference:
    """Every section in which something differs."""

    parts: tuple[Part, ...] = field(default=())

    def in_short(self) -> str:
        """One line: `2 checks added, 1 changed; site changed`."""
        return "; ".join(part.counted() for part in self.parts) or "nothing changed"

    def lines(self) -> Iterator[str]:
        """A page: names, and of what changed each key with what it was and is."""
        for part in self.parts:
            for word, names in (("added", part.added), ("removed", part.removed)):
                for name in names:
                    yield f"{part.one} {name}: {word}"
            for changed in part.changed:
                yield f"{part.one} {changed.name}:".lstrip() if part.one else f"{part.section}:"
                for key, (before, now) in changed.keys.items():
                    yield f"  {key}: {_short(before)} -> {_short(now)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            part.section: {
                "added": list(part.added),
                "removed": list(part.removed),
                "changed": {
                    one.name: {key: list(values) for key, values in one.keys.items()}
                    for one in part.changed
                },
            }
            for part in self.parts
        }


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> Difference:
    """Between two configurations as `effective` gives them."""
    parts = [_named(section, one, before, now) for section, one in NAMED.items()]
    parts += [_listed(section, one, before, now) for section, one in LISTED.items()]
    parts += [_whole(section, before.get(section), now.get(section)) for section in _WHOLE]
    return Difference(tuple(part for part in parts if part.added or part.removed or part.changed))


def _named(section: str, one: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Part:
    old, new = before.get(section) or {}, now.get(section) or {}
    both = [name for name in new if name in old and new[name] != old[name]]
    return Part(
        section,
        one,
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
        tuple(Changed(name, _keys(old[name], new[name])) for name in both),
    )


def _listed(section: str, one: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Part:
    old, new = (list(tables.get(section) or ()) for tables in (before, now))
    return Part(
        section,
        one,
        tuple(_label(table) for table in new if table not in old),
        tuple(_label(table) for table in old if table not in new),
    )


def _label(table: Mapping[str, Any]) -> str:
    """What is written in a table without a name."""
    written = (value for value in table.values() if value not in (None, "", []))
    return " ".join(" ".join(map(str, v)) if isinstance(v, list) else str(v) for v in written)


def _whole(section: str, old: Any, new: Any) -> Part:
    if old == new:
        return Part(section, "")
    tables = isinstance(old, Mapping) and isinstance(new, Mapping)
    keys = _keys(old, new) if tables else {section: (old, new)}
    return Part(section, "", changed=(Changed(section, keys),))


def _keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = dict.fromkeys([*old, *new])
    pairs = {name: (old.get(name), new.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
