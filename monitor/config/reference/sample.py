"""The sample that `reveille init` writes: every section and key, each with its meaning, ready to be
edited.

What a key means, its default and that it exists come from the models; what a newcomer begins with,
from the examples.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from textwrap import wrap

from monitor import policies
from monitor.config.models import OPERATORS, Rhythm
from monitor.config.reference.example_checks import CHECKS
from monitor.config.reference.examples import DESKS, ENTRIES, SITE, Entry
from monitor.config.reference.json_schema import Catalogue, Schema
from monitor.config.reference.schema_words import example, meaning, type_words
from monitor.config.sections import SECTIONS, Section, Top
from monitor.config.toml_writer import key as toml_key
from monitor.config.toml_writer import toml

_WIDTH = 110
_HEAD = """\
# Reveille. Lines that begin with '#' are explanations, or keys with their defaults: take the '#' away to change them.
# 'reveille check-config' says all that is wrong, 'reveille reference' explains every key, 'reveille once NAME' tries.
# Durations are written as 20s, 5m, 1h30m. Relative paths count from the folder of this file.
"""


def sample() -> str:
    """A whole file, with a comment for every key."""
    catalogue = Catalogue()
    parts = [_HEAD, _table("", catalogue.of(Top), Entry(), catalogue)]
    for section in SECTIONS:
        parts.append(_banner(section))
        parts += _section(section, catalogue)
    return "\n".join(part.rstrip() + "\n" for part in parts if part.strip())


def write_sample(path: Path) -> None:
    """Write the sample for the daemon's user and group to read. Raises FileExistsError: nothing is
    overwritten.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o640)
        file.write(sample())


def _banner(section: Section) -> str:
    return (
        f"\n# {'-' * 12} {section.heading}"
        f" {'-' * (90 - len(section.heading))}\n{_comment(section.meaning)}"
    )


def _section(section: Section, catalogue: Catalogue) -> list[str]:
    if section.name == "checks":
        return list(_by_kind(section, catalogue, CHECKS, catalogue.of(Rhythm)["properties"]))
    if section.name == "desks":
        return list(_by_kind(section, catalogue, DESKS, {}))
    schema = catalogue.of(section.model)
    known: set[str] = set(schema["properties"]) if section.like else set()
    tables = []
    for entry in _people() if section.name == "people" else ENTRIES[section.name]:
        heading = section.heading.replace("NAME", toml_key(entry.name))
        tables.append(_table(heading, schema, entry, catalogue, known))
        known |= set(schema["properties"]) - entry.omit
    return tables


def _people() -> tuple[Entry, ...]:
    """The site's own shift, and whoever the policy speaks of without publishing a desk."""
    policy = policies.load(SITE["policy"])
    published = {
        desk.role
        for role in policy.roles
        for desk in policy.contacts(role, SITE["region"])
        if desk.mail
    }
    roles = [role for role in policy.roles if role not in (OPERATORS, *published)]
    own = Entry(values={"role": OPERATORS, "name": "Night shift", "mail": "operators@example.net"})
    return (own, *(Entry(values={"role": role, "mail": f"{role}@example.net"}) for role in roles))


def _by_kind(
    section: Section,
    catalogue: Catalogue,
    examples: Mapping[str, tuple[Entry, ...]],
    common: Schema,
) -> Iterable[str]:
    """An example of every kind, those that newcomers begin with first; what all have in common is
    explained once.
    """
    known = catalogue.kinds if section.name == "checks" else catalogue.desks
    explained = False
    for kind in [
        *(kind for kind in examples if kind in known),
        *(kind for kind in known if kind not in examples),
    ]:
        own = catalogue.of(known[kind])
        told: frozenset[str] = frozenset()
        for entry in examples.get(kind, (Entry(kind, live=False),)):
            shown = (
                common
                if not explained
                else {key: common[key] for key in common if key in entry.values}
            )
            properties = {
                "kind": {"const": kind, "description": meaning(own)},
                **own.get("properties", {}),
                **shown,
            }
            schema = {
                **own,
                "properties": properties,
                "required": ["kind", *own.get("required", [])],
            }
            filled = Entry(entry.name, {"kind": kind, **entry.values}, entry.live, entry.remark)
            yield _table(
                f"[{section.name}.{toml_key(entry.name)}]", schema, filled, catalogue, told
            )
            explained, told = True, frozenset(properties)


def _table(
    heading: str,
    schema: Schema,
    entry: Entry,
    catalogue: Catalogue,
    known: Collection[str] = frozenset(),
) -> str:
    """One table; of the keys that are `known` from a table before it, only those that the entry
    fills.
    """
    mark = "" if entry.live else "#"
    lines = [f"{mark}{heading}"] if heading else []
    if entry.remark:
        lines.append(_comment(entry.remark))
    for name, described in schema.get("properties", {}).items():
        if name in entry.values:
            lines += [] if name in known else [_comment(meaning(described))]
            lines.append(f"{mark}{toml_key(name)} = {toml(entry.values[name])}")
        elif name not in known and name not in entry.omit:
            required = name in schema.get("required", [])
            lines += [
                _comment(meaning(described)),
                f"#{toml_key(name)} = {_suggestion(described, required, catalogue)}",
            ]
    return "\n".join(line for line in lines if line) + "\n"


def _suggestion(described: Schema, required: bool, catalogue: Catalogue) -> str:
    """The default, else an example, else its type in words."""
    if not required and described.get("default") not in (None, "", [], {}):
        return toml(described["default"])
    if written := example(described):
        return written
    if "default" in described:
        return toml(described["default"])
    return f"({type_words(described, catalogue)})"


def _comment(text: str) -> str:
    return "\n".join(f"# {line}" for line in wrap(text, _WIDTH)) if text else ""
