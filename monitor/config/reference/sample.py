"""The sample that `reveille init --everything` writes: every section and key, each with its
meaning, ready to be edited.

What a key means, its default and that it exists come from the models; what a newcomer begins with,
from sample.toml and from the SAMPLE of each kind of check and desk.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from textwrap import wrap

from checks.contract import Check
from monitor.config.beginning import write_new
from monitor.config.reference.json_schema import Catalogue, Schema, shared_catalogue
from monitor.config.reference.sample_sections import Entry, entries, entries_of, head
from monitor.config.reference.schema_words import example, meaning, type_words
from monitor.config.section_models import Rhythm
from monitor.config.sections import SECTIONS, Section, Top
from monitor.config.toml_writer import key as toml_key
from monitor.config.toml_writer import toml
from monitor.desks.desk import DeskSettings

# Wider than the reference: a comment stands alone on its line, beside no value.
_WIDTH = 110


def sample() -> str:
    """A whole file, with a comment for every key."""
    catalogue = shared_catalogue()
    parts = [head(), _table("", catalogue.of(Top), Entry(), catalogue)]
    for section in SECTIONS:
        parts.append(_banner(section))
        parts += _section(section, catalogue)
    return "\n".join(part.rstrip() + "\n" for part in parts if part.strip())


def write_sample(path: Path) -> None:
    """Write the sample. Raises FileExistsError, OSError; and ValueError for an outsider's kind
    whose own sample is broken.
    """
    write_new(path, sample())


def _banner(section: Section) -> str:
    return (
        f"\n# {'-' * 12} {section.heading}"
        f" {'-' * (90 - len(section.heading))}\n{_comment(section.meaning)}"
    )


def _section(section: Section, catalogue: Catalogue) -> list[str]:
    if section.name == "checks":
        return list(
            _by_kind(section, catalogue, catalogue.kinds, catalogue.of(Rhythm)["properties"])
        )
    if section.name == "desks":
        return list(_by_kind(section, catalogue, catalogue.desks, {}))
    schema = catalogue.of(section.model)
    known: set[str] = set(schema["properties"]) if section.like else set()
    tables, shown = [], entries(section.name)
    for entry in shown:
        heading = re.sub("NAME|KIND", toml_key(entry.name), section.heading)
        # A key that only a later table of the section fills is explained there, beside its value.
        elsewhere = {key for other in shown for key in other.values} - set(entry.values)
        tables.append(_table(heading, schema, entry, catalogue, known | elsewhere))
        known |= set(schema["properties"]) - elsewhere
    return tables


def _by_kind(
    section: Section,
    catalogue: Catalogue,
    known: Mapping[str, type[Check] | type[DeskSettings]],
    common: Schema,
) -> Iterable[str]:
    """The sample of every kind, in the order of their list; what all have in common is explained
    once."""
    explained = False
    for kind, model in known.items():
        own = catalogue.of(model)
        told: frozenset[str] = frozenset()
        for entry in entries_of(model):
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
        elif name not in known:
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
