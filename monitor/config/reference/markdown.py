"""The generated reference: each section and key with type, default, meaning and example; each kind
and its measures.
"""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill

from checks.contract import Check
from checks.settings import nearest, shown
from checks.telephony.call.line import Line
from monitor.config.model_introspection import fields
from monitor.config.models import Rhythm
from monitor.config.reference.examples import entries, entries_of
from monitor.config.reference.json_schema import Catalogue, Schema
from monitor.config.reference.schema_words import example, meaning, tables_in, type_words
from monitor.config.sections import SECTIONS, Section, Top
from monitor.config.toml_writer import toml

# A terminal of 100 columns shows it without a break, and so does a page of the documentation.
_WIDTH = 100
_HEAD = """\
# Reveille configuration

One TOML file describes one site. An unknown key is refused, and every fault is told at once: \
'reveille check-config'.

- duration: a number with its unit, as in "250ms", "20s", "5m", "1h30m", "7d"
- time of day: "08:30", in the site's time zone; a date and time is written without quotes: \
2026-12-24T22:00:00
- path: a relative one counts from the folder of the file
- expectation: a measure, a comparison (<= >= < > == !=) and a number, as in "answer_seconds <= 4"
- secret by reference: { credential = "NAME" } of systemd, { environment = "NAME" } \
or { file = "/path" }
"""


def reference() -> str:
    """The whole reference, as Markdown that reads well in a terminal."""
    catalogue = Catalogue()
    parts = [_HEAD, "## Above the first section\n", *_keys(catalogue.of(Top), catalogue)]
    for section in SECTIONS:
        parts += [
            f"## {section.heading}\n",
            fill(section.meaning, _WIDTH) + "\n",
            *_section(section, catalogue),
        ]
    return "\n".join(parts)


def reference_of(kind: str) -> str:
    """The part of one kind of check or desk. Raises LookupError, naming the nearest."""
    catalogue = Catalogue()
    for section in SECTIONS:
        if kind in {"checks": catalogue.kinds, "desks": catalogue.desks}.get(section.name, {}):
            return "\n".join(_kind(section, kind, catalogue))
    known = [*catalogue.kinds, *catalogue.desks]
    raise LookupError(
        f"there is no kind {shown(kind)}{nearest(kind, known) or '; there are ' + ', '.join(known)}"
    )


def _section(section: Section, catalogue: Catalogue) -> Iterable[str]:
    if section.like:
        return [f"Its keys are those of [{section.like}.NAME].\n"]
    if section.name not in ("checks", "desks"):
        return _keys(catalogue.of(section.model), catalogue)
    known = catalogue.kinds if section.name == "checks" else catalogue.desks
    parts = [f"- `kind` ({'one of ' + ', '.join(sorted(known))}, required)\n"]
    if section.name == "checks":
        parts += _keys(catalogue.of(Rhythm), catalogue)
    return [*parts, *(line for kind in known for line in _kind(section, kind, catalogue))]


def _kind(section: Section, kind: str, catalogue: Catalogue) -> list[str]:
    """One kind of check or desk: its own keys, then its measures."""
    model = (catalogue.kinds if section.name == "checks" else catalogue.desks)[kind]
    own = catalogue.of(model)
    parts = [
        f'### {section.heading} kind = "{kind}"\n',
        fill(meaning(own), _WIDTH) + "\n",
        *(_place(model) if issubclass(model, Check) else []),
        *_keys(own, catalogue),
    ]
    return [*parts, *(_measures(model) if issubclass(model, Check) else [])]


def _keys(schema: Schema, catalogue: Catalogue, indent: str = "") -> list[str]:
    """Each key on a line of its own, its meaning and example beneath, then the keys of its own
    tables.
    """
    parts = []
    for name, described in schema.get("properties", {}).items():
        demands = [type_words(described, catalogue), _demand(name, schema, described)]
        lines = [f"{indent}- `{name}` ({', '.join(filter(None, demands))})"]
        if text := meaning(described):
            lines.append(
                fill(text, _WIDTH, initial_indent=indent + "  ", subsequent_indent=indent + "  ")
            )
        if written := example(described):
            lines.append(f"{indent}  `{name} = {written}`")
        parts.append("\n".join(lines) + "\n")
        for table in tables_in(described, catalogue):
            parts += [f"{indent}  - {meaning(table)}\n", *_keys(table, catalogue, indent + "    ")]
    return parts


def _demand(name: str, schema: Schema, described: Schema) -> str:
    if name in schema.get("required", []):
        return "required"
    default = described.get("default")
    return "" if default in (None, "", [], {}) else f"default {toml(default)}"


def _place(kind: type[Check]) -> list[str]:
    """Where it stands: which layer it proves, and the line of the daily checklist that it sees
    to."""
    stands_for = f" · component: {kind.COMPONENT}" if kind.COMPONENT else ""
    return [
        f"Layer: {kind.LAYER.name.lower()} · duty in the daily checklist: {kind.DUTY}{stands_for}\n"
    ]


def _measures(kind: type[Check]) -> list[str]:
    """What an example of the kind can measure: with other settings it may be more or less."""
    # Made from the sample, since what a check measures follows from its settings.
    measures = {
        name: text for example in _examples(kind) for name, text in example.measures().items()
    }
    if not measures:
        return []
    lines = [
        fill(f"`{name}`: {text}", _WIDTH, initial_indent="- ", subsequent_indent="  ")
        for name, text in measures.items()
    ]
    return [
        "Measures, for `expect` and `warn` (some only with the settings that they speak of):\n",
        "\n".join(lines) + "\n",
    ]


def _examples(kind: type[Check]) -> Iterable[Check]:
    lines, agents = (
        {
            entry.name: Line.model_validate({**entry.values, "name": entry.name})
            for entry in entries(section)
        }
        for section in ("lines", "agents")
    )
    for entry in entries_of(kind) if kind.SAMPLE else ():
        table = {key: value for key, value in entry.values.items() if key in fields(kind)}
        yield kind.model_validate(table, context={"lines": lines, "agents": agents})
